using System.Text.Json;
using System.Text.Unicode;

namespace FineTuneGrid.Storage;

/// <summary>
/// Parses one header token by token. Nothing is allocated by what the header claims, only by what it holds; every product
/// and sum is checked; whatever the format does not define is refused.
/// </summary>
internal ref struct SafetensorsHeaderParser
{
    private const string MetadataKey = "__metadata__";
    private const int MaxRank = 64;
    private const int MaxDepth = 4;

    private readonly string _file;
    private readonly SafetensorsProfile _profile;
    private readonly Dictionary<string, SafetensorsTensor> _tensors;
    private readonly Dictionary<string, string> _metadata;
    private Utf8JsonReader _reader;
    private bool _hasMetadata;

    private SafetensorsHeaderParser(ReadOnlySpan<byte> json, string file, SafetensorsProfile profile)
    {
        _file = file;
        _profile = profile;
        _tensors = new Dictionary<string, SafetensorsTensor>(StringComparer.Ordinal);
        _metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        _reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
    }

    /// <param name="dataOffset">Where the data starts in the file.</param>
    /// <param name="dataLength">Bytes behind the header, which the tensors must cover exactly.</param>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataOffset, long dataLength, string file, SafetensorsProfile profile)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
            throw SafetensorsFault.Of(file, "has a header that does not begin with '{'; it is not a safetensors file");
        if (!Utf8.IsValid(json))
            throw SafetensorsFault.Of(file, "has a header that is not valid UTF-8");
        var parser = new SafetensorsHeaderParser(json, file, profile);
        try
        {
            parser.ParseTop();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped half of a surrogate pair, which is no text.
            throw SafetensorsFault.Of(file, $"has a header that is not valid JSON ({e.Message.TrimEnd('.')})", inner: e);
        }
        var ordered = CheckCoverage(parser._tensors.Values, dataLength, file);
        return new SafetensorsHeader(parser._tensors, ordered, parser._metadata, dataOffset);
    }

    private void ParseTop()
    {
        _reader.Read();
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            _reader.Read();
            if (name == MetadataKey)
                ParseMetadata();
            else
                ParseTensor(name);
        }
        while (_reader.Read())
        {
            // Only white space may follow; the reader throws on anything else.
        }
    }

    private void ParseMetadata()
    {
        if (_hasMetadata)
            throw SafetensorsFault.Of(_file, $"has {MetadataKey} twice in its header");
        _hasMetadata = true;
        if (_reader.TokenType != JsonTokenType.StartObject)
            throw SafetensorsFault.Of(_file, $"has a {MetadataKey} that is not an object of strings");
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = _reader.GetString()!;
            _reader.Read();
            if (_reader.TokenType != JsonTokenType.String)
                throw SafetensorsFault.Of(_file, $"has a {MetadataKey} whose {SafetensorsFault.Quote(key)} is not a string");
            if (!_metadata.TryAdd(key, _reader.GetString()!))
                throw SafetensorsFault.Of(_file, $"has a {MetadataKey} with {SafetensorsFault.Quote(key)} twice");
        }
    }

    private void ParseTensor(string name)
    {
        CheckName(name);
        if (_reader.TokenType != JsonTokenType.StartObject)
            throw Fault(name, "is not described by an object");
        SafetensorsDtype? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = _reader.GetString()!;
            var isRepeated = field switch { "dtype" => dtype is not null, "shape" => shape is not null, "data_offsets" => offsets is not null, _ => false };
            if (isRepeated)
                throw Fault(name, $"has the field '{field}' twice");
            _reader.Read();
            switch (field)
            {
                case "dtype":
                    dtype = ParseDtype(name);
                    break;
                case "shape":
                    shape = ParseIntegers(name, field, MaxRank);
                    break;
                case "data_offsets":
                    offsets = ParseIntegers(name, field, 2);
                    break;
                default:
                    throw Fault(name, $"has the unknown field {SafetensorsFault.Quote(field)}; only dtype, shape and data_offsets are defined");
            }
        }
        if (dtype is null || shape is null || offsets is null)
            throw Fault(name, $"lacks the field '{(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}'");
        Add(name, dtype.Value, shape, offsets);
    }

    private readonly void Add(string name, SafetensorsDtype dtype, long[] shape, long[] offsets)
    {
        if (offsets.Length != 2 || offsets[1] < offsets[0])
            throw Fault(name, "has data_offsets that are not [begin, end] with begin <= end");
        var expected = ByteLength(dtype, shape) ?? throw Fault(name, "has a shape whose size exceeds 64 bits");
        if (offsets[1] - offsets[0] != expected)
            throw Fault(name, $"has {offsets[1] - offsets[0]} bytes by its data_offsets but {expected} by its shape [{string.Join(", ", shape)}] and dtype {dtype.NameOf()}");
        if (!_tensors.TryAdd(name, new SafetensorsTensor(name, dtype, shape, offsets[0], expected)))
            throw Fault(name, "occurs twice in the header");
        if (_tensors.Count > _profile.MaxTensors)
            throw SafetensorsFault.Of(_file, $"has more than {_profile.MaxTensors} tensors");
    }

    private readonly void CheckName(string name)
    {
        if (name.Length == 0 || name.Length > _profile.MaxNameLength)
            throw Fault(name, $"has a name of {name.Length} characters; 1 to {_profile.MaxNameLength} are accepted");
        if (name.AsSpan().ContainsAnyInRange('\0', '\u001f') || name.AsSpan().ContainsAnyInRange('\u007f', '\u009f'))
            throw Fault(name, "has a name with control characters");
        if (_profile.NameCharacters is { } allowed && name.AsSpan().ContainsAnyExcept(allowed))
            throw Fault(name, "has a name with characters other than A-Z a-z 0-9 . _ -");
    }

    private readonly SafetensorsDtype ParseDtype(string tensor)
    {
        if (_reader.TokenType != JsonTokenType.String)
            throw Fault(tensor, "has a dtype that is not a string");
        var name = _reader.GetString()!;
        if (!SafetensorsDtypes.TryParse(name, out var dtype))
            throw Fault(tensor, $"has the dtype {SafetensorsFault.Quote(name)}, which is not supported; convert it to one of {SafetensorsDtypes.AllNames}");
        return _profile.Dtypes.Contains(dtype)
            ? dtype
            : throw Fault(tensor, $"has the dtype {name}; only {string.Join(", ", _profile.Dtypes.Select(d => d.NameOf()))} are accepted here");
    }

    private long[] ParseIntegers(string tensor, string field, int maxCount)
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
            throw Fault(tensor, $"has a {field} that is not an array");
        var values = new List<long>(2);
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (_reader.TokenType != JsonTokenType.Number || _reader.ValueSpan[0] == (byte)'-' || !_reader.TryGetInt64(out var value))
                throw Fault(tensor, $"has a {field} with something other than an integer from 0 to 2^63-1");
            if (values.Count == maxCount)
                throw Fault(tensor, $"has a {field} with more than {maxCount} numbers");
            values.Add(value);
        }
        return [.. values];
    }

    private readonly Exception Fault(string tensor, string what) => SafetensorsFault.Of(_file, what, tensor);

    /// <summary>Null where the product leaves 63 bits on the way, even if a later dimension is 0.</summary>
    private static long? ByteLength(SafetensorsDtype dtype, long[] shape)
    {
        var product = 1L;
        foreach (var dimension in shape)
        {
            var wide = Math.BigMul(product, dimension, out var low);
            if (wide != 0 || low < 0)
                return null;
            product = low;
        }
        return product > long.MaxValue / dtype.SizeOf() ? null : product * dtype.SizeOf();
    }

    private static List<SafetensorsTensor> CheckCoverage(IEnumerable<SafetensorsTensor> tensors, long dataLength, string file)
    {
        var ordered = tensors.OrderBy(t => t.Offset).ThenBy(t => t.Length).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var end = 0L;
        foreach (var tensor in ordered)
        {
            if (tensor.Offset != end)
                throw SafetensorsFault.Of(file, $"begins at byte {tensor.Offset} of the data instead of {end}; tensors must follow each other without hole or overlap", tensor.Name);
            // Cannot overflow: offsets were read as 63-bit numbers with end >= begin.
            end = tensor.Offset + tensor.Length;
            if (end > dataLength)
                throw SafetensorsFault.Of(file, $"ends at byte {end} of the data, which has only {dataLength}; the file is truncated, upload it again", tensor.Name);
        }
        return end == dataLength ? ordered : throw SafetensorsFault.Of(file, $"has {dataLength - end} bytes that belong to no tensor");
    }
}
