//! The file: a header line, sections in COPY text format, a footer line. Streams both ways; nothing but one chunk is in memory.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt, AsyncWriteExt, BufWriter},
};

use crate::{
    error::{Error, ErrorKind, Result},
    model::{EditionName, Name, QualifiedName},
    sql::Sql,
};

const FORMAT: &str = "edition-archive";
const VERSION: u32 = 1;
/// Ends a section: COPY's own mark, which no data line can begin with, because COPY writes each backslash twice.
const END_OF_SECTION: &[u8] = b"\\.\n";
const CHUNK_BYTES: usize = 64 * 1024;
/// A header of many thousand columns is still below this.
const JSON_LINE_MAX: usize = 16 * 1024 * 1024;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    format: String,
    version: u32,
    pub(super) edition: EditionName,
    pub(super) sections: Vec<Section>,
}

/// What a section holds; logical names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    pub(super) table: QualifiedName,
    pub(super) content: Content,
    /// Empty for whole rows.
    pub(super) key: Vec<StoredColumn>,
    pub(super) columns: Vec<StoredColumn>,
}

/// How to read the lines of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// Key columns, a fingerprint of the older edition's columns, then columns that only the newer edition stores.
    NewerColumns,
    /// All columns of a table that only the newer edition has.
    WholeRows,
}

/// A column of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredColumn {
    pub(super) name: Name,
    #[serde(rename = "type")]
    pub(super) type_name: Sql,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Footer {
    rows: Vec<u64>,
}

impl Header {
    pub(super) fn new(edition: EditionName, sections: Vec<Section>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, edition, sections }
    }
}

/// Writes under a temporary name beside the final one; dropped unfinished, it leaves nothing.
pub(super) struct Writer {
    file: BufWriter<File>,
    partial: PathBuf,
    path: PathBuf,
    rows: Vec<u64>,
    finished: bool,
}

impl Writer {
    pub(super) async fn create(path: &Path, header: &Header) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::refused(format!("\"{}\" is not the name of a file", path.display())))?;
        let mut partial_name = name.to_owned();
        partial_name.push(format!(".partial-{}", std::process::id()));
        let partial = path.with_file_name(partial_name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&partial).await.map_err(|error| cannot("write", &partial, error))?;
        let mut writer = Self {
            file: BufWriter::new(file),
            partial,
            path: path.to_owned(),
            rows: Vec::new(),
            finished: false,
        };
        writer.json(header).await?;
        Ok(writer)
    }

    pub(super) fn begin_section(&mut self) {
        self.rows.push(0);
    }

    /// Appends lines of the section as COPY gave them.
    pub(super) async fn lines(&mut self, chunk: &[u8]) -> Result<()> {
        if let Some(count) = self.rows.last_mut() {
            *count += rows_in(chunk);
        }
        self.bytes(chunk).await
    }

    pub(super) async fn end_section(&mut self) -> Result<()> {
        self.bytes(END_OF_SECTION).await
    }

    /// Makes it durable under its name and returns how many rows it holds.
    pub(super) async fn finish(mut self) -> Result<u64> {
        let rows = std::mem::take(&mut self.rows);
        let total = rows.iter().sum();
        self.json(&Footer { rows }).await?;
        self.publish().await.map_err(|error| cannot("write", &self.path, error))?;
        self.finished = true;
        Ok(total)
    }

    async fn publish(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        tokio::fs::rename(&self.partial, &self.path).await?;
        // The rename itself must be durable too: what it stands for is about to be dropped.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).await?.sync_all().await
    }

    async fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.bytes(&line).await
    }

    async fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|error| cannot("write", &self.partial, error))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            drop(std::fs::remove_file(&self.partial));
        }
    }
}

/// Reads what [`Writer`] wrote, front to end.
pub(super) struct Reader {
    file: File,
    path: PathBuf,
    buffer: BytesMut,
    at_line_start: bool,
    rows: u64,
    sections: Vec<u64>,
}

impl Reader {
    pub(super) async fn open(path: &Path) -> Result<(Self, Header)> {
        let file = File::open(path).await.map_err(|error| cannot("read", path, error))?;
        let mut reader = Self {
            file,
            path: path.to_owned(),
            buffer: BytesMut::new(),
            at_line_start: true,
            rows: 0,
            sections: Vec::new(),
        };
        let header: Header = reader.json().await?;
        if header.format != FORMAT {
            return Err(reader.damaged());
        }
        if header.version > VERSION {
            let text = format!("\"{}\" was written by a newer version of edition", path.display());
            return Err(Error::refused(text).with_hint("update edition on this machine"));
        }
        Ok((reader, header))
    }

    /// The next lines of the section, or `None` at its end.
    pub(super) async fn lines(&mut self) -> Result<Option<Bytes>> {
        while self.buffer.len() < END_OF_SECTION.len() {
            if !self.fill().await? {
                return Err(self.damaged());
            }
        }
        if self.at_line_start && self.buffer.starts_with(END_OF_SECTION) {
            self.buffer.advance(END_OF_SECTION.len());
            self.sections.push(std::mem::take(&mut self.rows));
            return Ok(None);
        }
        let end = data_end(&self.buffer);
        let chunk = self.buffer.split_to(end).freeze();
        self.at_line_start = chunk.last() == Some(&b'\n');
        self.rows += rows_in(&chunk);
        Ok(Some(chunk))
    }

    /// Checks the counts at the end of the file.
    pub(super) async fn finish(mut self) -> Result<()> {
        let footer: Footer = self.json().await?;
        if footer.rows == self.sections { Ok(()) } else { Err(self.damaged()) }
    }

    async fn json<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return serde_json::from_slice(&line).map_err(|error| self.damaged().with_source(error));
            }
            if self.buffer.len() > JSON_LINE_MAX || !self.fill().await? {
                return Err(self.damaged());
            }
        }
    }

    async fn fill(&mut self) -> Result<bool> {
        self.buffer.reserve(CHUNK_BYTES);
        let read = self.file.read_buf(&mut self.buffer).await;
        Ok(read.map_err(|error| cannot("read", &self.path, error))? > 0)
    }

    fn damaged(&self) -> Error {
        Error::refused(format!("\"{}\" is not a whole archive of an edition", self.path.display()))
            .with_hint("give the file that edition rollback --save wrote")
    }
}

/// Within a value COPY writes a line feed as \n, so each raw one ends a row.
fn rows_in(chunk: &[u8]) -> u64 {
    chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// How much from the start of the buffer (which does not begin with the end mark) is surely data: up to a line that begins as the mark
/// does, or that is too short yet to tell.
fn data_end(buffer: &[u8]) -> usize {
    let mark = END_OF_SECTION.iter().take(2);
    let ends = buffer.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    for end in ends {
        let next = buffer.get(end..).unwrap_or_default();
        if next.len() < 2 || next.iter().take(2).eq(mark.clone()) {
            return end;
        }
    }
    buffer.len()
}

fn cannot(verb: &str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Environment, format!("cannot {verb} \"{}\": {error}", path.display()))
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_ends_before_the_mark_and_before_what_may_become_it() {
        assert_eq!(data_end(b"a\tb\nc\n\\.\n{}"), 6);
        assert_eq!(data_end(b"a\nb\n\\"), 4);
        assert_eq!(data_end(b"a\n\\\\.\nrest"), 10, "an escaped backslash is data");
        assert_eq!(data_end(b"no line end yet"), 15);
    }

    #[tokio::test]
    async fn sections_come_back_byte_by_byte_however_they_were_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let header = Header::new(EditionName::new("v2").unwrap(), vec![]);
        let long = "x".repeat(3 * CHUNK_BYTES);
        let first = format!("1\t\\\\.\n2\t{long}\n\\N\tä\n");
        let mut writer = Writer::create(&path, &header).await.unwrap();
        for part in [first.as_str(), ""] {
            writer.begin_section();
            for chunk in part.as_bytes().chunks(7) {
                writer.lines(chunk).await.unwrap();
            }
            writer.end_section().await.unwrap();
        }
        assert!(!path.exists(), "it appears when it is whole");
        assert_eq!(writer.finish().await.unwrap(), 3);

        let (mut reader, _) = Reader::open(&path).await.unwrap();
        let mut read = Vec::new();
        while let Some(chunk) = reader.lines().await.unwrap() {
            read.extend_from_slice(&chunk);
        }
        assert_eq!(String::from_utf8(read).unwrap(), first);
        assert!(reader.lines().await.unwrap().is_none());
        reader.finish().await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_writer_that_is_given_up_leaves_nothing_and_a_cut_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let header = Header::new(EditionName::new("v2").unwrap(), vec![]);
        drop(Writer::create(&path, &header).await.unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut writer = Writer::create(&path, &header).await.unwrap();
        writer.begin_section();
        writer.lines(b"1\n2\n").await.unwrap();
        writer.end_section().await.unwrap();
        writer.finish().await.unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 10, whole.len() - 1, whole.len() - 16, whole.len() - 18] {
            std::fs::write(&path, whole.get(..length).unwrap()).unwrap();
            assert!(read_whole(&path).await.is_err(), "cut to {length} of {} bytes", whole.len());
        }
    }

    async fn read_whole(path: &Path) -> Result<()> {
        let (mut reader, _) = Reader::open(path).await?;
        while reader.lines().await?.is_some() {}
        reader.finish().await
    }
}
