"""The command line `oratio`: the intake API from a terminal. It speaks HTTP and nothing else."""
