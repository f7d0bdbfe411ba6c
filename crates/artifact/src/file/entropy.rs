//! How random bytes look.

/// Shannon's entropy in bits a byte: about 4.5 for text, 6 for machine code, near 8 for what is compressed or enciphered.
pub fn entropy(bytes: &[u8]) -> f64 {
    // Neighbours are often the same, and a count has to wait for the one before: each of four has counts of its own.
    let mut counts = [[0u32; 256]; 4];
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        count(four, &mut counts);
    }
    rest.iter().for_each(|byte| count(&[*byte], &mut counts));
    let total = bytes.len() as f64;
    let counted = |byte: usize| counts.iter().filter_map(|counts| counts.get(byte)).sum::<u32>();
    let shares = (0..256).map(|byte| f64::from(counted(byte)) / total).filter(|share| *share > 0.0);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn count<const N: usize>(bytes: &[u8; N], counts: &mut [[u32; 256]; 4]) {
    for (byte, counts) in bytes.iter().zip(counts) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
}

/// The entropy in hundredths of a bit, so that a rule can compare it as a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 800")]
pub fn hundredths(bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { (entropy(bytes) * 100.0).round() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_entropies() {
        assert_eq!(hundredths(&[]), 0);
        assert_eq!(hundredths(&[7; 100]), 0);
        assert_eq!(hundredths(b"abababab"), 100);
        assert_eq!(hundredths(&(0..=255).collect::<Vec<u8>>()), 800);
    }
}
