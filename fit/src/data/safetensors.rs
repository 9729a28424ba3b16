//! Hugging Face's `.safetensors`: tensors by name, of which one is mapped into memory as a matrix.
//!
//! A path with `#` and a name behind that of the file, `embeddings.safetensors#train`, is that tensor of the file.

use super::npy::{Array, Kind, Shape, Type};
use super::shown::shown;
use crate::error::{Context, Error, bail, ensure};
use crate::number::Dtype;
use crate::quantization::Quantization;
use memmap2::Mmap;
use safetensors::tensor::{Dtype as Of, Metadata};
use std::path::Path;

/// The longest header, in bytes; also that of the format's own reader.
const LONGEST: usize = 100_000_000;

/// True for the first bytes of a `.safetensors`: the length of a header below 4 GB, and a header in JSON.
pub(super) fn is_safetensors(start: &[u8]) -> bool {
    matches!(start, [_, _, _, _, 0, 0, 0, 0, b'{', ..])
}

/// A path without the name of a tensor, and that name, if there is one; a file whose own name has a `#` is itself.
#[must_use]
pub fn split(path: &Path) -> (&Path, Option<&str>) {
    let Some(text) = path.to_str().filter(|text| text.contains('#') && !path.exists()) else {
        return (path, None);
    };
    // Names of tensors may have one too: the file is what is there.
    let mut splits = text.match_indices('#').map(|(at, _)| (Path::new(&text[..at]), Some(&text[at + 1..])));
    let first = splits.clone().next();
    splits.find(|(file, _)| file.exists() && !file.is_dir()).or(first).unwrap_or((path, None))
}

/// The tensor of a name, and what its numbers stand for; without a name the only one that is a matrix, or else the only
/// one.
pub(super) fn array(map: Mmap, name: Option<&str>) -> Result<(Array<'static>, Option<Quantization>), Error> {
    let (metadata, start) = metadata(&map)?;
    let tensor = match name {
        Some(name) => name.to_owned(),
        None => only(&metadata)?,
    };
    let no_tensor = || format!("it has no tensor `{}`: {}", shown(&tensor), list(&metadata));
    let info = metadata.info(&tensor).with_context(no_tensor)?;
    let shape = match info.shape[..] {
        [len] => Shape::Vector(len),
        [nrows, ncols] => Shape::Matrix(nrows, ncols),
        _ => bail!("the tensor has {} dimensions, and not one or two", info.shape.len()),
    };
    let kind = Type { kind: kind(info.dtype)?, big_endian: false };
    let offset = start + info.data_offsets.0;
    let array = Array::of_map(map, offset, kind, shape, false)?;
    let text = metadata.metadata().as_ref().and_then(|texts| texts.get(&key(&tensor)));
    let quantization = text.map(|text| Quantization::from_json(text.as_bytes(), array.ncols()));
    let quantization = quantization.transpose().context("the tensor's scaling cannot be used")?;
    check_quantized(quantization.as_ref(), array.dtype())?;
    Ok((array, quantization))
}

/// Refuses what stands for numbers of another type than integers of 8 bits: it is of other numbers, as were there before.
pub(super) fn check_quantized(quantization: Option<&Quantization>, dtype: Dtype) -> Result<(), Error> {
    let is_quantized = matches!(dtype, Dtype::I8 | Dtype::U8);
    ensure!(
        quantization.is_none() || is_quantized,
        "there are scales for it, which are of integers of 8 bits, and it has none"
    );
    Ok(())
}

/// What a file says of its tensors, and where their numbers start.
fn metadata(map: &[u8]) -> Result<(Metadata, usize), Error> {
    let (len, rest) = map.split_first_chunk().context("it is truncated")?;
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
    ensure!(len <= LONGEST, "its header takes {len} bytes, and at most {LONGEST} are read");
    // A copy, so that no other process changes what was found to be a text.
    let header = rest.get(..len).context("it is truncated within its header")?.to_vec();
    let metadata: Metadata = serde_json::from_slice(&header).context("its header is damaged")?;
    let (have, want) = (rest.len() - len, metadata.data_len());
    ensure!(have >= want, "the file is truncated: its tensors take {want} bytes, and it has {have}");
    ensure!(have == want, "{} bytes follow its tensors", have - want);
    Ok((metadata, 8 + len))
}

/// The tensor that is meant where none is named.
fn only(metadata: &Metadata) -> Result<String, Error> {
    let all = metadata.offset_keys();
    let is_matrix = |name: &&String| metadata.info(name).is_some_and(|info| info.shape.len() == 2);
    let matrices: Vec<&String> = all.iter().filter(is_matrix).collect();
    match (&matrices[..], &all[..]) {
        ([one], _) => Ok((*one).clone()),
        ([], [one]) => Ok(one.clone()),
        _ => bail!("name one of its tensors, as `FILE#NAME`: {}", list(metadata)),
    }
}

/// The tensors, in words.
fn list(metadata: &Metadata) -> String {
    const MOST: usize = 8;
    let mut all: Vec<_> = metadata.tensors().into_iter().collect();
    all.sort_by_key(|(_, info)| info.data_offsets);
    let some = all.iter().take(MOST);
    let mut words: Vec<String> =
        some.map(|(name, info)| format!("`{}` ({} {:?})", shown(name), info.dtype, info.shape)).collect();
    match all.len().saturating_sub(MOST) {
        0 if all.is_empty() => return "it has none".to_owned(),
        0 => {}
        more => words.push(format!("{more} more")),
    }
    format!("it has {}", words.join(", "))
}

/// The type of numbers, as those of a `.npy`.
fn kind(dtype: Of) -> Result<Kind, Error> {
    Ok(match dtype {
        Of::BOOL => Kind::Bool,
        Of::I8 => Kind::I8,
        Of::I16 => Kind::I16,
        Of::I32 => Kind::I32,
        Of::I64 => Kind::I64,
        Of::U8 => Kind::U8,
        Of::U16 => Kind::U16,
        Of::U32 => Kind::U32,
        Of::U64 => Kind::U64,
        Of::BF16 => Kind::Bf16,
        Of::F16 => Kind::F16,
        Of::F32 => Kind::F32,
        Of::F64 => Kind::F64,
        other => bail!("the tensor's numbers are of type {other}, which is not read"),
    })
}

/// A tensor that is about to be written: its name, the type of its numbers and its shape.
pub type Tensor<'a> = (&'a str, Dtype, &'a [usize]);

/// Where the metadata of a file have the scaling of a tensor.
fn key(tensor: &str) -> String {
    format!("{tensor}.scaling")
}

/// The start of a file with these tensors; their numbers follow it, one tensor after the other, each row after row. Those
/// of the first may stand for others. Its length is the same for any lengths of the tensors: it can be written again once
/// the number of rows is known.
#[must_use]
pub fn header(tensors: &[Tensor<'_>], quantization: Option<&Quantization>) -> Vec<u8> {
    let (mut text, mut room, mut offset) = (vec![b'{'], 2, 0_usize);
    if let (Some(quantization), Some((name, ..))) = (quantization, tensors.first()) {
        let texts = serde_json::json!({ key(name): quantization.to_json() });
        let member = format!("\"__metadata__\":{texts},");
        text.extend(member.bytes());
        room += member.len();
    }
    for (i, &(name, dtype, shape)) in tensors.iter().enumerate() {
        let name = serde_json::Value::from(name).to_string();
        let end =
            offset.saturating_add(shape.iter().fold(dtype.bytes(), |bytes, &len| bytes.saturating_mul(len)));
        let code = dtype.name().to_ascii_uppercase();
        let start = if i == 0 { "" } else { "," };
        text.extend(
            format!(
                "{start}{name}:{{\"dtype\":\"{code}\",\"shape\":{shape:?},\"data_offsets\":[{offset},{end}]}}"
            )
            .bytes(),
        );
        // A number has at most 20 digits, and a comma and a blank behind it.
        room += name.len() + code.len() + 50 + 22 * (shape.len() + 2);
        offset = end;
    }
    text.push(b'}');
    // So that numbers begin with a cache line.
    let len = (8 + room).next_multiple_of(64) - 8;
    text.resize(len, b' ');
    [&(len as u64).to_le_bytes()[..], &text].concat()
}

#[cfg(test)]
mod tests;
