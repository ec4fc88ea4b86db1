// Tensor counts are per process: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
