//! Conversations in every form, whether it is recognised or not: see [`drive`]. The last byte says how the input comes, the one before in which form.
#![no_main]

use artifact::Conversation;
use dreamcatcher_fuzz::{Known, drive};
use evidence::Format;
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

const FORMS: [Conversation; 4] =
    [Conversation::Lines, Conversation::Telegram, Conversation::LinkedIn, Conversation::Pasted];

fuzz_target!(|data: &[u8]| {
    let [data @ .., form, how] = data else { return };
    let form = FORMS[usize::from(*form) % FORMS.len()];
    let _ = form.recognises(data, "");
    KNOWN.with(|known| drive(&form, data, usize::from(*how), known));
});
