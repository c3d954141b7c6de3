// OpenSSL's message digests, and its version.
#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>
