import CCrypto

/// Name and version of the loaded OpenSSL library.
public var openSSLVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION)) }
