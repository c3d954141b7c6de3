import ArgumentParser

/// A command for one process. Under `mpirun` the first rank does all the work and the other ranks do nothing.
protocol OneProcessCommand: ParsableCommand {}
