/// A cautious rate of storage that many ranks share: it writes at least this many bytes a second.
public let cautiousDiskRate = 200e6
