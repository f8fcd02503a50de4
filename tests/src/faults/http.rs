//! As much of HTTP/1.1 as it takes to know where a message ends.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Reads one message, its head and its body, as it came.
pub(super) fn read_message(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    let (mut length, mut chunked) = (0, false);
    loop {
        let line = read_line(reader, &mut message)?;
        match line.split_once(':') {
            None if line.is_empty() => break,
            Some(("content-length", value)) => length = number(value.trim(), 10)?,
            Some(("transfer-encoding", value)) => chunked = value.contains("chunked"),
            _ => {}
        }
    }
    if !chunked {
        read_bytes(reader, &mut message, length)?;
        return Ok(message);
    }
    loop {
        let length = number(&read_line(reader, &mut message)?, 16)?;
        // With the end of its line.
        read_bytes(reader, &mut message, length + 2)?;
        if length == 0 {
            return Ok(message);
        }
    }
}

/// Where the body begins.
pub(super) fn body_start(message: &[u8]) -> usize {
    message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |end| end + 4)
}

/// Keeps a line and gives it in small letters, without its end.
fn read_line(reader: &mut impl BufRead, message: &mut Vec<u8>) -> Result<String> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    message.extend_from_slice(&line);
    Ok(String::from_utf8_lossy(&line).trim_end().to_ascii_lowercase())
}

fn read_bytes(reader: &mut impl BufRead, message: &mut Vec<u8>, length: u64) -> Result<()> {
    if reader.take(length).read_to_end(message)? as u64 == length {
        Ok(())
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

fn number(text: &str, radix: u32) -> Result<u64> {
    u64::from_str_radix(text, radix).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}
