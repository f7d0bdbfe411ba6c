//! The channel of a record that names its provider alone.

/// Providers that write to one channel, and that channel.
const CHANNELS: &[(&str, &str)] = &[
    ("Application Error", "Application"),
    ("Application Hang", "Application"),
    ("Microsoft Windows security auditing.", "Security"), // as Event Viewer and Splunk call it
    ("Microsoft-Windows-Bits-Client", "Microsoft-Windows-Bits-Client/Operational"),
    ("Microsoft-Windows-CAPI2", "Microsoft-Windows-CAPI2/Operational"),
    ("Microsoft-Windows-CodeIntegrity", "Microsoft-Windows-CodeIntegrity/Operational"),
    ("Microsoft-Windows-DNS-Client", "Microsoft-Windows-DNS-Client/Operational"),
    ("Microsoft-Windows-DriverFrameworks-UserMode", "Microsoft-Windows-DriverFrameworks-UserMode/Operational"),
    ("Microsoft-Windows-Kernel-General", "System"),
    ("Microsoft-Windows-NTLM", "Microsoft-Windows-NTLM/Operational"),
    ("Microsoft-Windows-PowerShell", "Microsoft-Windows-PowerShell/Operational"),
    ("Microsoft-Windows-Security-Auditing", "Security"),
    ("Microsoft-Windows-Shell-Core", "Microsoft-Windows-Shell-Core/Operational"),
    ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational"),
    ("Microsoft-Windows-TaskScheduler", "Microsoft-Windows-TaskScheduler/Operational"),
    (
        "Microsoft-Windows-TerminalServices-LocalSessionManager",
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    ),
    ("Microsoft-Windows-WMI-Activity", "Microsoft-Windows-WMI-Activity/Operational"),
    ("Microsoft-Windows-Windows Defender", "Microsoft-Windows-Windows Defender/Operational"),
    (
        "Microsoft-Windows-Windows Firewall With Advanced Security",
        "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",
    ),
    ("MsiInstaller", "Application"),
    ("PowerShell", "Windows PowerShell"),
    ("PowerShellCore", "PowerShellCore/Operational"),
    ("Service Control Manager", "System"),
];

/// The channel that a provider writes to, where that is one.
pub(super) fn channel_of(provider: &str) -> Option<&'static str> {
    CHANNELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(provider)).map(|(_, channel)| *channel)
}
