// Tensor counts are per process and thread counts are global: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
