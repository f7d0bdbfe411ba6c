//! Mail, mailboxes and conversations: see [`drive`]. The last byte says how the input comes.
#![no_main]

use artifact::{Conversation, Mail, Mbox};
use dreamcatcher_fuzz::{Known, drive};
use evidence::Format;
use libfuzzer_sys::fuzz_target;

thread_local!(static KNOWN: Known = Known::new());

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_last() else { return };
    let mut formats: Vec<Box<dyn Format>> = vec![Box::new(Mail::default()), Box::new(Mbox::default())];
    formats.extend(Conversation::EXPORTS.map(|export| Box::new(export) as Box<dyn Format>));
    for format in formats {
        if format.recognises(data, "") {
            KNOWN.with(|known| drive(format.as_ref(), data, usize::from(*how), known));
        }
    }
});
