using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.Access;
using Orleans;

namespace FineTuneGrid.Gateway;

/// <summary>Makes the admin's key known to the grid. Safe to run at every start and on every silo.</summary>
public static class GatewayBootstrap
{
    public static async Task EnsureAdminAsync(IGrainFactory grains, ApiKeys keys, GatewaySecrets secrets)
    {
        var hash = keys.Hash(secrets.Admin)
            ?? throw new GridException(ErrorCodes.InvalidValue, $"The secret {AdminKey.FileName} is not a key; delete it to get a new one.", AdminKey.FileName);
        await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddKey(new CreateKeyRequest("admin", null, Role.Admin), AdminKey.Id, hash);
    }
}
