//! EDNS(0) (RFC 6891) and its Client Subnet option (RFC 7871).
