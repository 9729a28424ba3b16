//! Words of 64 bits: hashed, and as bytes that can be read back.

/// FNV-1a, a word at a time: against mistakes, not against attacks. Every step is one to one, both in the hash before
/// it and in the word: two lists of words that differ in a single one have different hashes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hash(u64);

impl Hash {
    /// The hash of no words.
    pub(crate) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// The hash with one more word.
    pub(crate) const fn and(self, word: u64) -> Self {
        let hash = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        // The product carries upwards only; bring the upper bits back down.
        Self(hash ^ (hash >> 32))
    }

    /// The hash with some bytes more, which end where they do.
    #[cfg(feature = "files")]
    pub(crate) fn and_bytes(self, bytes: &[u8]) -> Self {
        let words = bytes.chunks(8).map(|bytes| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        });
        words.fold(self.and(bytes.len() as u64), Self::and)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

/// Words that are written, with a checksum at their end.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    hash: Hash,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), hash: Hash::EMPTY }
    }

    pub(crate) fn word(&mut self, word: u64) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
        self.hash = self.hash.and(word);
    }

    pub(crate) fn numbers(&mut self, numbers: &[f64]) {
        numbers.iter().for_each(|x| self.word(x.to_bits()));
    }

    /// Their number, then these numbers.
    #[cfg(feature = "files")]
    pub(crate) fn list(&mut self, numbers: &[f64]) {
        self.word(numbers.len() as u64);
        self.numbers(numbers);
    }

    /// The words as bytes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let checksum = self.hash.get();
        self.word(checksum);
        self.bytes
    }
}

/// Words that are read.
pub(crate) struct Reader<'a> {
    rest: &'a [[u8; 8]],
}

impl<'a> Reader<'a> {
    /// The words before the checksum, if it is right.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks();
        let (checksum, words) = words.split_last()?;
        let sum = words.iter().fold(Hash::EMPTY, |hash, word| hash.and(u64::from_le_bytes(*word)));
        let is_whole = rest.is_empty() && sum.get() == u64::from_le_bytes(*checksum);
        is_whole.then_some(Self { rest: words })
    }

    pub(crate) fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*word))
    }

    /// So many numbers; no memory is asked for before they are known to be there.
    pub(crate) fn numbers(&mut self, count: usize) -> Option<Vec<f64>> {
        let (numbers, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(numbers.iter().map(|word| f64::from_le_bytes(*word)).collect())
    }

    #[cfg(feature = "files")]
    pub(crate) fn number(&mut self) -> Option<f64> {
        self.word().map(f64::from_bits)
    }

    #[cfg(feature = "files")]
    pub(crate) fn index(&mut self) -> Option<usize> {
        usize::try_from(self.word()?).ok()
    }

    /// As many numbers as their count says.
    #[cfg(feature = "files")]
    pub(crate) fn list(&mut self) -> Option<Vec<f64>> {
        let count = self.index()?;
        self.numbers(count)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
