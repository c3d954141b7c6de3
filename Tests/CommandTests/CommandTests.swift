import Testing

/// Whole commands, started as a person starts them. One after the other: each takes the machine's cores.
@Suite(.serialized) struct CommandTests {}
