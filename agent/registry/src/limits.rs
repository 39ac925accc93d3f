//! How much a registry may ask of an agent, and how long an agent waits for it: every bound of this
//! crate but those of images themselves.

use std::time::Duration;

/// Bytes of a token service's answer.
pub const TOKEN_BYTES_MAX: u64 = 64 << 10;
/// Bytes of what a registry says about an error that are passed on.
pub const MESSAGE_BYTES_MAX: u64 = 4 << 10;
/// Bytes of a file with credentials.
pub const AUTH_BYTES_MAX: u64 = 1 << 20;
/// Certificates in a file of authorities.
pub const AUTHORITIES_MAX: usize = 1_000;
/// Indexes in indexes.
pub const INDEX_DEPTH_MAX: usize = 4;
/// Redirections of one request.
pub const REDIRECTS_MAX: usize = 5;
/// Tokens that are remembered.
pub const TOKENS_MAX: usize = 1_000;
/// Archives of one image that are fetched at once, as with Docker.
pub const ARCHIVES_AT_ONCE: usize = 3;
/// Pieces of an archive that wait to be written.
pub const PIECES_MAX: usize = 16;
/// Tries in a row that brought nothing before a registry is given up.
pub const TRIES_MAX: u32 = 5;
/// Before the second try; doubled before each one after it.
pub const PAUSE: Duration = Duration::from_millis(500);
/// Until a connection is there.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Until the next byte is there, unless somebody says otherwise.
pub const STALL_PATIENCE: Duration = Duration::from_secs(30);
/// What a token is good for if the service does not say (distribution-spec, "Token
/// Authentication": 60 s).
pub const TOKEN_LIFE: Duration = Duration::from_secs(60);
/// A token is given up so long before it ends.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(10);
