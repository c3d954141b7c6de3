import ArgumentParser

/// A command that is not for several ranks: started by `mpirun`, the first one does all of its work and the others none.
protocol OneProcessCommand: ParsableCommand {}
