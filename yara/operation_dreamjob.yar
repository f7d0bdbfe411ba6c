import "pe"

rule DreamJob_loader_name : dreamjob
{
    meta:
        description = "A program that calls itself as the project of the attackers' loaders is called"
        reference = "ESET: Operation DreamJob against makers of UAVs, October 2025"
        author = "Dreamcatcher"
        score = 95
    strings:
        $name = "HijackingLoader.dll" ascii wide
    condition:
        uint16(0) == 0x5a4d and $name
}

rule DreamJob_build_path : dreamjob
{
    meta:
        description = "A program that was built in the attackers' folder"
        reference = "ESET: Operation DreamJob against makers of UAVs, October 2025"
        author = "Dreamcatcher"
        score = 90
    strings:
        $path = /[A-Z]:\\Work\\Troy\\[\x20-\x7e]{1,120}\.pdb/ nocase
    condition:
        uint16(0) == 0x5a4d and $path
}

rule DreamJob_user_agent : dreamjob
{
    meta:
        description = "A program with the fixed User-Agent of ScoringMathTea, that of an Edge of November 2022"
        reference = "ESET: Operation DreamJob against makers of UAVs, October 2025"
        author = "Dreamcatcher"
        score = 80
    strings:
        $agent = "Chrome/107.0.0.0 Safari/537.36 Edg/107.0.1418.42" ascii wide
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f) and $agent
}

rule DreamJob_plugin_export : dreamjob
{
    meta:
        description = "A library that exports the function by which the trojanised plug-ins start their loader; others may call one like that"
        reference = "ESET: Operation DreamJob against makers of UAVs, October 2025"
        author = "Dreamcatcher"
        score = 60
    condition:
        pe.is_dll() and pe.exports("exportfun")
}

rule DreamJob_linux_backdoor_path : dreamjob
{
    meta:
        description = "A program for Linux that names the file in which the campaign's backdoor is kept there"
        reference = "ESET: Linux malware strengthens links between Lazarus and the 3CX supply-chain attack, April 2023"
        author = "Dreamcatcher"
        score = 85
    strings:
        $path = ".config/guiconfigd"
    condition:
        uint32(0) == 0x464c457f and $path
}

rule DreamJob_shortcut_wuauclt : dreamjob
{
    meta:
        description = "A shortcut that has Windows' update client start a library"
        reference = "Malwarebytes: North Korea's Lazarus APT leverages Windows Update client, January 2022"
        author = "Dreamcatcher"
        score = 85
    strings:
        $client = "wuauclt" ascii wide nocase
        $handler = "/RunHandlerComServer" ascii wide nocase
    condition:
        uint32(0) == 0x4c and all of them
}

rule ContagiousInterview_obfuscated_loader : contagious_interview
{
    meta:
        description = "JavaScript whose names an obfuscator has replaced, which starts processes and speaks with the web; honest packages that are obfuscated are rare, and rarely do both"
        reference = "MITRE ATT&CK: Contagious Interview (G1052)"
        author = "Dreamcatcher"
        score = 70
    strings:
        $name = /_0x[0-9a-f]{4,6}/
        $process = "child_process"
        $web = /https?:|'http'|"http"|axios|fetch\(/
    condition:
        filesize < 4MB and #name > 60 and $process and $web
}
