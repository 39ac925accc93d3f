//! The kernel's questions, put to the tree; everything is decided there.

use super::{
    lock,
    tree::{Facts, Refused, Tree},
};
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use std::{
    ffi::OsStr,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime},
};

/// Nothing changes but by the kernel's own calls.
const KNOWN_FOR: Duration = Duration::from_secs(1);
const BLOCK_BYTES: u32 = 4_096;
/// Of a disk without a capacity.
const PLENTY: u64 = 1 << 40;

/// A tree that the kernel may ask.
#[derive(Debug)]
pub(super) struct Shell(pub(super) Arc<Mutex<Tree>>);

impl Shell {
    fn sync(&self, number: INodeNo, reply: ReplyEmpty) {
        let takes = lock(&self.0).troubles.sync_takes;
        // Whoever asks meanwhile waits: the disk has one head.
        thread::sleep(takes);
        answer(lock(&self.0).sync(number.0), reply);
    }
}

fn answer(result: Result<(), Refused>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(refused) => reply.error(errno(refused)),
    }
}

fn enter(result: Result<Facts, Refused>, reply: ReplyEntry) {
    match result {
        Ok(facts) => reply.entry(&KNOWN_FOR, &attributes(facts), Generation(0)),
        Err(refused) => reply.error(errno(refused)),
    }
}

fn errno(refused: Refused) -> Errno {
    match refused {
        Refused::NotFound => Errno::ENOENT,
        Refused::Exists => Errno::EEXIST,
        Refused::NotDirectory => Errno::ENOTDIR,
        Refused::IsDirectory => Errno::EISDIR,
        Refused::NotEmpty => Errno::ENOTEMPTY,
        Refused::Full => Errno::ENOSPC,
        Refused::Broken => Errno::EIO,
    }
}

fn attributes(facts: Facts) -> FileAttr {
    let time = SystemTime::UNIX_EPOCH;
    let size = facts.length.unwrap_or_default();
    FileAttr {
        ino: INodeNo(facts.number),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind(facts),
        perm: facts.mode,
        nlink: 1,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

fn kind(facts: Facts) -> FileType {
    match facts.length {
        Some(_) => FileType::RegularFile,
        None => FileType::Directory,
    }
}

/// Permission bits of a new file.
fn bits(mode: u32, umask: u32) -> u16 {
    u16::try_from(mode & !umask & 0o7777).unwrap_or_default()
}

impl Filesystem for Shell {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        enter(lock(&self.0).find(parent.0, name), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match lock(&self.0).facts(ino.0) {
            Ok(facts) => reply.attr(&KNOWN_FOR, &attributes(facts)),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = lock(&self.0);
        let mode = mode.map_or(Ok(()), |mode| tree.set_mode(ino.0, bits(mode, 0)));
        let size = mode.and_then(|()| size.map_or(Ok(()), |size| tree.resize(ino.0, size)));
        match size.and_then(|()| tree.facts(ino.0)) {
            Ok(facts) => reply.attr(&KNOWN_FOR, &attributes(facts)),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        enter(lock(&self.0).make(parent.0, name, bits(mode, umask), true), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match lock(&self.0).make(parent.0, name, bits(mode, umask), false) {
            Ok(facts) => {
                let (attributes, flags) = (attributes(facts), FopenFlags::empty());
                reply.created(&KNOWN_FOR, &attributes, Generation(0), FileHandle(0), flags);
            }
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(lock(&self.0).remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(lock(&self.0).remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        new: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        answer(lock(&self.0).rename((parent.0, name), (to.0, new)), reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match lock(&self.0).read(ino.0, offset, size) {
            Ok(bytes) => reply.data(bytes),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match lock(&self.0).write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        let mut tree = lock(&self.0);
        let end = offset.saturating_add(length);
        let grown = tree.facts(ino.0).and_then(|facts| match facts.length < Some(end) {
            true => tree.resize(ino.0, end),
            false => Ok(()),
        });
        answer(grown, reply);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(ino, reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(ino, reply);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = match lock(&self.0).list(ino.0) {
            Ok(listed) => listed,
            Err(refused) => return reply.error(errno(refused)),
        };
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        for ((name, facts), next) in listed.into_iter().zip(1..).skip(skipped) {
            if reply.add(INodeNo(facts.number), next, kind(facts), name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let tree = lock(&self.0);
        let capacity = tree.troubles.capacity.unwrap_or(PLENTY);
        let block = u64::from(BLOCK_BYTES);
        let free = capacity.saturating_sub(tree.used_bytes()) / block;
        reply.statfs(capacity / block, free, free, 0, 0, BLOCK_BYTES, 255, BLOCK_BYTES);
    }
}
