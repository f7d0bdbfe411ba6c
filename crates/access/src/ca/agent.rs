//! A client of ssh-agent: asks whether it has a key, has it sign, gives it keys with a lifetime.
//!
//! Protocol: <https://datatracker.ietf.org/doc/html/draft-ietf-sshm-ssh-agent>.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use ssh_encoding::{Decode, Encode};
use ssh_key::{Certificate, PrivateKey, PublicKey, Signature, private::KeypairData};
use zeroize::Zeroizing;

use crate::{Error, error::Result};

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const SUCCESS: u8 = 6;
const ADD_IDENTITY: u8 = 17;
const ADD_ID_CONSTRAINED: u8 = 25;
const CONSTRAIN_LIFETIME: u8 = 1;

/// The longest answer that is taken, as in OpenSSH.
const LONGEST: usize = 256 * 1024;
/// How long an agent may take; a token that waits for a touch takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to an ssh-agent.
pub struct Agent(UnixStream);

impl Agent {
    /// Connects to the agent at `socket`.
    pub fn connect(socket: &Path) -> Result<Self> {
        let fail = |error| Error::Failed(format!("no ssh-agent at {}: {error}", socket.display()));
        let stream = UnixStream::connect(socket).map_err(fail)?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(fail)?;
        Ok(Self(stream))
    }

    /// Fails where the agent does not have this key.
    pub fn expect_key(&mut self, key: &PublicKey) -> Result<()> {
        let wanted = key.to_bytes().map_err(wire)?;
        let answer = self.ask(IDENTITIES_ANSWER, &[REQUEST_IDENTITIES])?;
        let mut rest = answer.as_slice();
        let count = u32::decode(&mut rest).map_err(encoding)?;
        for _ in 0..count {
            let blob = Vec::<u8>::decode(&mut rest).map_err(encoding)?;
            Vec::<u8>::decode(&mut rest).map_err(encoding)?;
            if blob == wanted {
                return Ok(());
            }
        }
        Err(Error::Authority(format!("the ssh-agent does not hold {}", crate::factor::key::fingerprint(key))))
    }

    /// Has the agent sign `message` with `key`.
    pub fn sign(&mut self, key: &PublicKey, message: &[u8]) -> Result<Signature> {
        let mut request = vec![SIGN_REQUEST];
        key.to_bytes().map_err(wire)?.encode(&mut request).map_err(encoding)?;
        message.encode(&mut request).map_err(encoding)?;
        0_u32.encode(&mut request).map_err(encoding)?;
        let answer = self.ask(SIGN_RESPONSE, &request)?;
        let blob = Vec::<u8>::decode(&mut answer.as_slice()).map_err(encoding)?;
        Signature::try_from(blob.as_slice()).map_err(wire)
    }

    /// Gives the agent an Ed25519 key, with its certificate if it has one, for `lifetime` or for good.
    pub fn add(
        &mut self,
        key: &PrivateKey,
        certificate: Option<&Certificate>,
        lifetime: Option<Duration>,
    ) -> Result<()> {
        let KeypairData::Ed25519(pair) = key.key_data() else {
            return Err(Error::Usage("expected an Ed25519 key".into()));
        };
        // Reserved at once: a buffer that grew would leave copies of the secret behind.
        let mut request = Zeroizing::new(Vec::with_capacity(8 * 1024));
        request.push(if lifetime.is_some() { ADD_ID_CONSTRAINED } else { ADD_IDENTITY });
        match certificate {
            None => "ssh-ed25519".encode(&mut *request).map_err(encoding)?,
            Some(certificate) => {
                "ssh-ed25519-cert-v01@openssh.com".encode(&mut *request).map_err(encoding)?;
                certificate.to_bytes().map_err(wire)?.encode(&mut *request).map_err(encoding)?;
            }
        }
        pair.public.0.as_slice().encode(&mut *request).map_err(encoding)?;
        Zeroizing::new(pair.to_bytes()).as_slice().encode(&mut *request).map_err(encoding)?;
        key.comment().encode(&mut *request).map_err(encoding)?;
        if let Some(lifetime) = lifetime {
            request.push(CONSTRAIN_LIFETIME);
            u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).encode(&mut *request).map_err(encoding)?;
        }
        self.ask(SUCCESS, &request).map(|_| ())
    }

    /// Sends a message and takes the answer, which has to be of this kind.
    fn ask(&mut self, kind: u8, message: &[u8]) -> Result<Vec<u8>> {
        let fail = |error: std::io::Error| Error::Failed(format!("ssh-agent: {error}"));
        let length = u32::try_from(message.len()).map_err(|_| Error::Failed("ssh-agent: message too long".into()))?;
        self.0.write_all(&length.to_be_bytes()).and_then(|()| self.0.write_all(message)).map_err(fail)?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length).map_err(fail)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length == 0 || length > LONGEST {
            return Err(Error::Failed(format!("ssh-agent: expected 1 to {LONGEST} bytes, found {length}")));
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).map_err(fail)?;
        match answer.split_first() {
            Some((found, body)) if *found == kind => Ok(body.to_vec()),
            Some((found, _)) => Err(Error::Failed(format!("ssh-agent refused: expected answer {kind}, found {found}"))),
            None => Err(Error::Failed("ssh-agent: empty answer".into())),
        }
    }
}

fn encoding(error: ssh_encoding::Error) -> Error {
    Error::Failed(format!("ssh-agent: {error}"))
}

fn wire(error: ssh_key::Error) -> Error {
    Error::Failed(format!("ssh-agent: {error}"))
}
