//! The floor: a walk over the bytes that checks what no decoder may leave unchecked, and keeps nothing.

/// Every length checked, pointer, length and kind of each column written: what no decoder can do without.
#[inline(never)]
pub fn walk(frame: &[u8], values: &mut Vec<(*const u8, u32, u8)>) -> Option<()> {
    values.clear();
    let (head, mut rest) = frame.split_first_chunk::<26>()?;
    if head[0] != b'w' {
        return None;
    }
    let mut tuples = match head[25] {
        b'I' => 1,
        b'U' => 2,
        _ => return Some(()),
    };
    (_, rest) = rest.split_first_chunk::<4>()?;
    while tuples > 0 {
        tuples -= 1;
        let ([_, high, low], after) = rest.split_first_chunk::<3>()?;
        rest = after;
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let (kind, after) = rest.split_first()?;
            rest = after;
            let len = match kind {
                b't' | b'b' => {
                    let (len, after) = rest.split_first_chunk::<4>()?;
                    rest = after;
                    u32::from_be_bytes(*len)
                }
                _ => 0,
            };
            let (value, after) = rest.split_at_checked(len as usize)?;
            values.push((value.as_ptr(), len, *kind));
            rest = after;
        }
    }
    rest.is_empty().then_some(())
}
