/// Bytes a second that storage which many ranks share writes at least.
public let cautiousDiskRate = 200e6
