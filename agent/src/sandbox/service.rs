//! `bourse.v1.Sandbox`: operators read what tasks left in their sandboxes, and frameworks what
//! their own tasks left.
//!
//! Which kinds of callers there are is decided before a call arrives here.

use super::{
    beneath::{open_directory, open_file},
    reader::Reader,
    tree::{Sandbox, SandboxTree},
};
use proto::{
    convert::refusal::to_status,
    model::{FrameworkId, Reason, Refusal, TaskId, TaskKey, limits},
    wire::v1::{self, sandbox_server},
};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::fd::OwnedFd,
    pin::Pin,
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

/// How often a followed file is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);
/// Pieces that wait for a slow reader.
const CHUNKS_WAITING: usize = 4;
/// Entries of one listing; more are left out.
const ENTRIES_MAX: usize = 10_000;

/// See the file's header.
#[derive(Debug)]
pub(crate) struct SandboxService {
    tree: SandboxTree,
}

type Chunks = Pin<Box<dyn Stream<Item = Result<v1::FileChunk, Status>> + Send>>;

impl SandboxService {
    pub(crate) fn new(tree: SandboxTree) -> Self {
        Self { tree }
    }

    fn find(&self, reader: &Reader, framework: &str, task: &str) -> Result<Sandbox, Refusal> {
        let framework: FrameworkId =
            framework.parse().map_err(|error| Refusal::invalid("framework_id", error))?;
        let task = TaskId::new(task).map_err(|error| Refusal::invalid("task_id", error))?;
        let key = TaskKey { framework, task };
        let unreadable = |error: std::io::Error| Refusal::new(Reason::NotReady, error.to_string());
        let sandbox = self.tree.latest(&key).map_err(unreadable)?;
        sandbox.filter(|sandbox| reader.may_read(sandbox)).ok_or_else(|| reader.unknown())
    }
}

#[tonic::async_trait]
impl sandbox_server::Sandbox for SandboxService {
    type ReadFileStream = Chunks;

    async fn read_file(
        &self,
        request: Request<v1::ReadFileRequest>,
    ) -> Result<Response<Chunks>, Status> {
        let reader = Reader::of(request.extensions());
        let request = request.into_inner();
        let open = || {
            let sandbox = self.find(&reader, &request.framework_id, &request.task_id)?;
            open_file(&sandbox.path, &request.path).map(|file| (sandbox, file))
        };
        let (sandbox, file) = open().map_err(|refusal| to_status(&refusal))?;
        let (chunks, stream) = mpsc::channel(CHUNKS_WAITING);
        let reading =
            Reading { sandbox, offset_bytes: request.offset_bytes, follow: request.follow };
        tokio::spawn(reading.send(file, chunks));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn list_files(
        &self,
        request: Request<v1::ListFilesRequest>,
    ) -> Result<Response<v1::ListFilesResponse>, Status> {
        let reader = Reader::of(request.extensions());
        let request = request.into_inner();
        let list = || {
            let sandbox = self.find(&reader, &request.framework_id, &request.task_id)?;
            list(&open_directory(&sandbox.path, &request.path)?)
        };
        let entries = list().map_err(|refusal| to_status(&refusal))?;
        Ok(Response::new(v1::ListFilesResponse { entries }))
    }
}

struct Reading {
    sandbox: Sandbox,
    offset_bytes: u64,
    follow: bool,
}

impl Reading {
    /// Sends until the end; when following, until the task has ended and all was sent.
    async fn send(mut self, mut file: File, chunks: mpsc::Sender<Result<v1::FileChunk, Status>>) {
        loop {
            // Looked at before the read: what comes after it has ended is nothing.
            let last = !self.follow || self.sandbox.has_ended();
            let offset = self.offset_bytes;
            let read =
                tokio::task::spawn_blocking(move || (read_at(&mut file, offset), file)).await;
            let Ok((data, same)) = read else { return };
            file = same;
            let chunk = match data {
                Ok(data) if data.is_empty() && last => return,
                Ok(data) if data.is_empty() => {
                    tokio::select! {
                        () = tokio::time::sleep(FOLLOW_INTERVAL) => continue,
                        () = chunks.closed() => return,
                    }
                }
                Ok(data) => {
                    self.offset_bytes += u64::try_from(data.len()).unwrap_or(0);
                    Ok(v1::FileChunk { offset_bytes: offset, data })
                }
                Err(error) => Err(Status::internal(format!("cannot read the file: {error}"))),
            };
            let failed = chunk.is_err();
            if chunks.send(chunk).await.is_err() || failed {
                return;
            }
        }
    }
}

fn read_at(file: &mut File, offset_bytes: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset_bytes))?;
    let mut data = Vec::new();
    file.take(limits::FILE_CHUNK_BYTES as u64).read_to_end(&mut data)?;
    Ok(data)
}

fn list(directory: &OwnedFd) -> Result<Vec<v1::FileEntry>, Refusal> {
    use rustix::fs::{AtFlags, Dir, FileType, statat};
    let unreadable = |error: rustix::io::Errno| {
        Refusal::new(Reason::NotReady, format!("cannot be listed: {error}")).at("path")
    };
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "." || name == ".." || entries.len() >= ENTRIES_MAX {
            continue;
        }
        // Not followed: a link is shown as what it is. Gone meanwhile is no error.
        let Ok(stat) = statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
        entries.push(v1::FileEntry {
            name,
            directory: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_unix_ms: seconds.saturating_mul(1_000),
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
