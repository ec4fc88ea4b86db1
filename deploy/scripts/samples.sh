# ./grid samples: makes datasets/samples anew. The data comes from a seeded script; the base model is trained by the product
# itself, from random weights, with a full-parameter job.

grid_samples() {
    local out=$ROOT/datasets/samples work=$ROOT/data/samples
    prepare_host
    build_once datasets/SampleMaker
    rm -rf "$work"
    mkdir -p "$work"
    dotnet "$(binary SampleMaker)" "$out" "$work"
    start_host "$work/grid" --no-samples
    ftg model add tiny-tokenizer "$out/tiny-tokenizer"
    ftg dataset add tiny-corpus "$work/tiny-corpus.parquet"
    ftg job submit "$out/tiny-base-job.json" --watch
    ftg adapter pull samples/tiny-base "$work/tiny"
    stop_host
    mkdir -p "$out/tiny"
    cp "$work/tiny"/{config.json,model.safetensors,tokenizer.json,tokenizer_config.json} "$out/tiny/"
    note "the new base model is in datasets/samples/tiny"
}
