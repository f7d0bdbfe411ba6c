//! How random bytes look.

/// Shannon's entropy in bits a byte: about 4.5 for text, 6 for machine code, near 8 for what is compressed or enciphered.
pub fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f64;
    let part = |count: &u32| f64::from(*count) / total;
    -counts.iter().filter(|count| **count > 0).map(|count| part(count) * part(count).log2()).sum::<f64>()
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
