//! Where bytes come from: a name for messages, and a stream that is unpacked if it was packed.
//!
//! Whether it was is read off its first bytes, since files are renamed and piped.

use crate::error::{Place, ReadError};
use std::{
    fmt, fs,
    io::{self, BufReader, Cursor, Read},
    path::Path,
    sync::Arc,
};

/// How much is asked of the system at once.
const CHUNK_BYTES: usize = 256 << 10;
/// A file that is held whole is cut here, and then damaged; larger ones are read in place.
const WHOLE_BYTES_MAX: u64 = 1 << 30;
/// The first bytes of every gzip member.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The first bytes of every zstd frame.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Log of the largest window that a zstd frame may ask memory for: 128 MiB, what its own
/// command line allows.
const WINDOW_LOG_MAX: u32 = 27;

/// Bytes of a trace, unpacked, with the name that messages give it.
pub struct Source {
    file: Arc<str>,
    bytes: Box<dyn Read + Send>,
    /// What was looked at and not yet read.
    ahead: Cursor<Vec<u8>>,
}

impl Source {
    /// What `bytes` hold, unpacked if they begin as gzip or zstd do.
    pub fn new(file: &str, bytes: impl Read + Send + 'static) -> Result<Self, ReadError> {
        let file: Arc<str> = file.into();
        match unpacked(bytes) {
            Ok(bytes) => Ok(Self { file, bytes, ahead: Cursor::default() }),
            Err(source) => Err(ReadError::Io { place: Place { file, line: 0 }, source }),
        }
    }

    /// A file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        match fs::File::open(path) {
            Ok(file) => Self::new(&name, file),
            Err(source) => {
                Err(ReadError::Io { place: Place { file: name.into(), line: 0 }, source })
            }
        }
    }

    /// Its first bytes, as many as asked for or all there are, before anything is read.
    pub(crate) fn peek(&mut self, count: u64) -> Result<&[u8], ReadError> {
        let mut first = Vec::new();
        if let Err(source) = self.by_ref().take(count).read_to_end(&mut first) {
            let place = Place { file: Arc::clone(&self.file), line: 0 };
            return Err(ReadError::Io { place, source });
        }
        self.ahead = Cursor::new(first);
        Ok(self.ahead.get_ref())
    }

    /// All its bytes, for a format that begins at the end.
    pub(crate) fn all(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut all = Vec::new();
        match self.by_ref().take(WHOLE_BYTES_MAX).read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(source) => {
                let place = Place { file: Arc::clone(&self.file), line: 0 };
                Err(ReadError::Io { place, source })
            }
        }
    }

    /// Its name.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.ahead.read(into)?;
        if count > 0 || into.is_empty() {
            return Ok(count);
        }
        self.bytes.read(into)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Source").field("file", &self.file).finish_non_exhaustive()
    }
}

fn unpacked(mut bytes: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut first = Vec::with_capacity(ZSTD.len());
    bytes.by_ref().take(ZSTD.len() as u64).read_to_end(&mut first)?;
    let (is_gzip, is_zstd) = (first.starts_with(GZIP), first == ZSTD);
    let whole = Cursor::new(first).chain(bytes);
    Ok(if is_gzip {
        let packed = BufReader::with_capacity(CHUNK_BYTES, whole);
        Box::new(flate2::bufread::MultiGzDecoder::new(packed))
    } else if is_zstd {
        let packed = BufReader::with_capacity(CHUNK_BYTES, whole);
        let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Box::new(decoder)
    } else {
        Box::new(whole)
    })
}
