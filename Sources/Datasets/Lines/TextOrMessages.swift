import Settings
import Tokenization

/// A field that is either a text or a chat.
enum TextOrMessages {
    case text(String)
    case messages([RecordMessage])
}
