// The process entry point.
return 0;
