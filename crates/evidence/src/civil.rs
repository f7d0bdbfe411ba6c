//! Parts of dates and times as logs write them.

/// A number of two digits, of which the first may be a blank.
pub(crate) fn two(tens: u8, ones: u8) -> Option<i64> {
    let tens = if tens == b' ' { b'0' } else { tens };
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// The month of `Aug`, from 1 to 12.
pub(crate) fn month(name: [u8; 3]) -> Option<u8> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Nanoseconds of the digits behind a decimal point, and how many they are.
pub(crate) fn decimals(text: &[u8]) -> (i64, usize) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = text.iter().take(count.min(9)).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    ((count.min(9)..9).fold(number, |sum, _| sum * 10), count)
}
