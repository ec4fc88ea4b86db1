using FineTuneGrid.Models;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;

namespace FineTuneGrid.Trainer.Training;

/// <summary>What a job trains: an adapter beside a shared base, or a model of its own.</summary>
internal sealed class Trainee : IDisposable
{
    private readonly bool _ownsModel;

    private Trainee(CausalLm model, LoraAdapter? adapter, FlatParameters trained, bool ownsModel) =>
        (Model, Adapter, Trained, _ownsModel) = (model, adapter, trained, ownsModel);

    public CausalLm Model { get; }

    /// <summary>Null where the whole model is trained.</summary>
    public LoraAdapter? Adapter { get; }

    public FlatParameters Trained { get; }

    public bool IsFull => Adapter is null;

    /// <summary>The base stays the session's.</summary>
    public static Trainee OfAdapter(CausalLm resident, LoraAdapter adapter) => new(resident, adapter, adapter.Parameters, ownsModel: false);

    /// <summary>Takes the model over, whose weights are trainable.</summary>
    public static Trainee OfModel(CausalLm model) =>
        new(model, null, model.Weights.Trainable ?? throw new ArgumentException("the model's weights are frozen", nameof(model)), ownsModel: true);

    public void Dispose()
    {
        Adapter?.Dispose();
        if (_ownsModel) Model.Dispose();
    }
}
