//! What sshd is told: which keys may come to the gate, which certificates count no more, which authority hosts have.

use std::collections::BTreeSet;

use super::{Folder, Gate, Settings, Terminal, tell, whole};
use crate::{
    What,
    ca::Krl,
    error::{Error, Result},
    factor::key,
    ledger::Change,
    private,
};

/// How long a host's certificate holds: as it is renewed with each `host-setup`, and revoked with its key.
const HOST_HOLDS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 366);

/// Writes `authorized_keys` anew from the ledger: each key may run the gate as who it is, and nothing else.
pub(super) fn write(folder: &Folder, settings: &Settings, under_way: &Change<'_>) -> Result<()> {
    let view = under_way.view();
    let mut text = String::from("# Written by dreamcatcher from the ledger at each change; do not edit.\n");
    let mut add = |visitor: String, key: &str| {
        let (program, folder) = (settings.program.display(), folder.path().display());
        text.push_str(&format!("restrict,command=\"{program} access gate --folder {folder} {visitor}\" {key}\n"));
    };
    for enrolled in view.all_enrolled()? {
        add(format!("--key {}", enrolled.key), &enrolled.public_key);
    }
    for invitation in view.invitations(under_way.now())? {
        add(format!("--invitation {}", invitation.invitation), &invitation.public_key);
    }
    for (host, key) in view.hosts()? {
        add(format!("--host {host}"), &key);
    }
    private::replace(&folder.authorized_keys(), text.as_bytes(), 0o600)
}

impl Gate {
    /// What is revoked, in OpenSSH's format.
    pub fn krl(&self) -> Result<Vec<u8>> {
        let now = (self.clock)();
        let view = self.ledger.view();
        self.finish_rotation(&view.authority()?)?;
        let retired = view.retired()?;
        // An authority that is trusted no more takes all that it signed along, also on hosts that still have its key.
        let over = retired.iter().filter(|one| one.trusted_until <= now).map(|one| one.public_key.clone());
        let authority = self.folder.authority_public()?;
        // Never the authority itself: that would revoke every certificate, and for ever.
        let is_other =
            |key: &Result<ssh_key::PublicKey>| !matches!(key, Ok(key) if key.key_data() == authority.key_data());
        let keys = view.revoked_keys()?.into_iter().chain(over).map(|line| key::parse(&line));
        let keys = keys.filter(is_other).collect::<Result<_>>()?;
        let mut serials = vec![(authority, BTreeSet::new())];
        for one in &retired {
            serials.push((key::parse(&one.public_key)?, BTreeSet::new()));
        }
        for (serial, authority) in view.revoked(now)? {
            let of = serials.iter_mut().filter(|(key, _)| key::fingerprint(key) == authority);
            of.for_each(|(_, serials)| _ = serials.insert(serial));
        }
        Krl { serials, keys }.to_bytes(u64::try_from(now.as_second()).unwrap_or_default(), now)
    }

    /// The line of `known_hosts` by which clients trust certified hosts.
    pub(super) fn trust(&self, terminal: &mut Terminal<'_>) -> Result<()> {
        tell(terminal.output, &self.known_hosts()?)
    }

    /// The line of `known_hosts` by which clients trust certified hosts: for all names and addresses of the policy's hosts.
    pub fn known_hosts(&self) -> Result<String> {
        let names = self.policy.hosts.keys().flat_map(|id| self.names(id)).collect::<Vec<_>>().join(",");
        Ok(format!("@cert-authority {names} {}\n", key::line(&self.folder.host_authority_public()?)?))
    }

    /// All names and addresses that the policy has for a host.
    fn names(&self, id: &str) -> Vec<String> {
        let host = self.policy.hosts.get(id);
        let names = host.into_iter().flat_map(|host| host.names.iter().cloned());
        let addresses = host.into_iter().flat_map(|host| host.addresses.iter().map(ToString::to_string));
        let mut all: Vec<String> = std::iter::once(id.to_owned()).chain(names).chain(addresses).collect();
        all.dedup();
        all
    }

    /// Certifies a host's key; with that key the host may ask from now on what is revoked. Returns the certificate's line.
    pub fn certify_host(&mut self, id: &str, text: &str) -> Result<String> {
        let key = key::parse(text)?;
        let principals = self.names(id);
        let authority = self.folder.host_authority(&self.seal)?;
        let (folder, settings) = (&self.folder, &self.settings);
        let (serial, until) = self.ledger.write(self.clock, |under_way| {
            let serial = under_way.view().next_number("host_certified")?;
            let until = whole(under_way.now() + HOST_HOLDS)?;
            let (host, public_key) = (id.to_owned(), key::line(&key)?);
            let principals = principals.clone();
            let what = What::HostCertified { host, serial, key: key::fingerprint(&key), public_key, principals, until };
            under_way.append(super::LOCAL, what)?;
            write(folder, settings, under_way)?;
            Ok((serial, until))
        })?;
        let from = (self.clock)().as_second().saturating_sub(300);
        let certificate = authority.certify_host(serial, &key, &principals, from, until.as_second())?;
        certificate.to_openssh().map_err(|error| Error::Authority(error.to_string()))
    }
}
