import CCrypto

/// OpenSSL's name and version, of the library that is loaded.
public var openSSLVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION)) }
