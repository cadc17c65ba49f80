# Puts the databases of this disk back on a server:
#   powershell -ExecutionPolicy Bypass -File restore.ps1 [-HostName H] [-Port P] [-User U] [-Database D] [-Kit K] [-Dump D] [-Yes]
# Needs the client of MySQL or MariaDB (mysql.exe or mariadb.exe) and zstd.exe: in PATH, or beside this file.
param(
  [string]$HostName = '', [string]$Port = '', [string]$User = 'root', [string]$DefaultsFile = '',
  [string]$Database = '', [string]$Kit = '', [string]$Dump = '', [switch]$List, [switch]$Check, [switch]$Yes
)
$ErrorActionPreference = 'Stop'
$utf8 = New-Object System.Text.UTF8Encoding($false)
[Console]::OutputEncoding = $utf8
$root = Split-Path -Parent $MyInvocation.MyCommand.Path
Set-Location -LiteralPath $root

function Stop-Here($why) { Write-Host "restore.ps1: $why" -ForegroundColor Red; exit 1 }

# Names are written with \t, \n, \r and \\.
function Get-Plain($word) {
  $plain = New-Object System.Text.StringBuilder
  for ($i = 0; $i -lt $word.Length; $i++) {
    $c = $word[$i]
    if ($c -eq '\' -and $i + 1 -lt $word.Length) {
      $i++
      switch -CaseSensitive ($word[$i]) { 't' { $c = "`t" } 'n' { $c = "`n" } 'r' { $c = "`r" } default { $c = $word[$i] } }
    }
    [void]$plain.Append($c)
  }
  $plain.ToString()
}

# What a kit says of itself; nothing where it was not written to its end.
function Read-Kit($folder) {
  $path = Join-Path $root (Join-Path $folder 'contents.txt')
  if (-not [System.IO.File]::Exists($path)) { return $null }
  $lines = [System.IO.File]::ReadAllText($path, $utf8) -split "`n"
  if ($lines.Count -lt 2 -or $lines[$lines.Count - 2] -ne 'end') { return $null }
  $kit = @{ Name = $folder; Number = [long]0; Dump = ''; Kind = 'mysql'; Made = ''; Version = ''; Databases = @(); Notes = @() }
  $now = $null
  foreach ($line in $lines) {
    $w = $line -split "`t"
    switch ($w[0]) {
      'number' { $kit.Number = [long]$w[1] }
      'dump' { $kit.Dump = Get-Plain $w[1] }
      'kind' { $kit.Kind = $w[1] }
      'version' { $kit.Version = Get-Plain $w[1] }
      'made' { $kit.Made = $w[1] }
      'database' { $now = @{ Name = (Get-Plain $w[1]); At = $w[3]; Files = @(); Tables = @() }; $kit.Databases += $now }
      'file' { $now.Files += @{ Path = $w[1]; Sum = $w[3] } }
      'table' { $now.Tables += @{ Name = (Get-Plain $w[1]); Rows = $w[2] } }
      'late' { $kit.Notes += ((Get-Plain $w[1]) + ': not read for this kit, its last good state is taken: ' + (Get-Plain $w[2])) }
      'missing' { $kit.Notes += ((Get-Plain $w[1]) + ': NOT in this kit: ' + (Get-Plain $w[3])) }
    }
  }
  $kit
}

$folders = Get-ChildItem -LiteralPath $root -Directory | Where-Object { $_.Name -match '^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?$' }
$kits = @($folders | ForEach-Object { Read-Kit $_.Name } | Where-Object { $_ })
if ($List) { $kits | Sort-Object { $_.Number } | ForEach-Object { Write-Host ($_.Name + '  ' + $_.Dump + '  made ' + $_.Made) }; exit 0 }
if ($Kit) {
  $chosen = @($kits | Where-Object { $_.Name -eq $Kit })
  if ($chosen.Count -eq 0) { Stop-Here "$Kit is not a whole kit of this disk: see -List" }
} else {
  $chosen = @($kits | Where-Object { if ($Dump) { $_.Dump -ceq $Dump } else { -not $_.Dump.EndsWith(' before a restore') } } | Sort-Object { $_.Number } -Descending)
  if ($chosen.Count -eq 0) { Stop-Here 'no whole kit is on this disk' }
  $names = @($chosen | ForEach-Object { $_.Dump } | Sort-Object -Unique)
  if ($names.Count -gt 1) { Stop-Here ('this disk holds several dumps, name one with -Dump: ' + ($names -join ', ')) }
}
$it = $chosen[0]
Write-Host ('Kit ' + $it.Name + ' of ' + $it.Dump + ', made ' + $it.Made + ', from ' + $it.Version)
$take = @($it.Databases | Where-Object { -not $Database -or $_.Name -ceq $Database })
if ($take.Count -eq 0) { Stop-Here 'nothing to restore: see contents.txt in the folder of the kit' }

Write-Host 'Checking the files:'
$bad = $false
$sums = @{}
foreach ($line in [System.IO.File]::ReadAllLines((Join-Path $root (Join-Path $it.Name 'SHA256SUMS')))) { $sums[$line.Substring(66)] = $line.Substring(0, 64) }
$files = @(@{ Path = ($it.Name + '/contents.txt'); Sum = $sums['contents.txt'] }) + @($take | ForEach-Object { $_.Files })
foreach ($file in $files) {
  $path = Join-Path $root $file.Path
  if (-not (Test-Path -LiteralPath $path)) { Write-Host ('  MISSING  ' + $file.Path); $bad = $true; continue }
  if ((Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash -eq $file.Sum) { Write-Host ('  good     ' + $file.Path) }
  else { Write-Host ('  BROKEN   ' + $file.Path); $bad = $true }
}
foreach ($note in $it.Notes) { Write-Host ('  ' + $note) }
if ($bad) { Stop-Here 'files are missing or broken, nothing was restored: try an older kit, see -List' }
if ($Check) { Write-Host 'All files are good.'; exit 0 }
if ($it.Kind -eq 'mongodb') { Stop-Here 'this kit is of MongoDB: RECOVERY.txt says how to restore it by hand' }

function Find-Tool($names) {
  foreach ($name in $names) {
    $beside = Join-Path $root ($name + '.exe')
    if (Test-Path -LiteralPath $beside) { return $beside }
    $found = Get-Command $name -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($found) { return $found.Source }
    $usual = Get-ChildItem -Path "$env:ProgramFiles\MariaDB*\bin\$name.exe", "$env:ProgramFiles\MySQL\*\bin\$name.exe" -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($usual) { return $usual.FullName }
  }
  Stop-Here (($names -join ' or ') + ' is not installed: see RECOVERY.txt')
}
$client = Find-Tool @('mariadb', 'mysql')
$zstd = Find-Tool @('zstd')

# A folder that nobody else may read: the password lies in it, and what is unpacked.
$work = Join-Path ([System.IO.Path]::GetTempPath()) ('restore-' + [System.Guid]::NewGuid().ToString('N'))
[void](New-Item -ItemType Directory -Path $work)
try {
  & icacls $work /inheritance:r /grant:r ($env:USERNAME + ':(OI)(CI)F') | Out-Null
  $login = @()
  if ($DefaultsFile) { $login += "--defaults-file=$DefaultsFile" }
  else {
    $secret = $env:MYSQL_PWD
    if (-not $secret) {
      $typed = Read-Host "Password of $User (empty: none)" -AsSecureString
      $secret = (New-Object System.Net.NetworkCredential('', $typed)).Password
    }
    $option = $secret.Replace('\', '\\').Replace('"', '\"')
    [System.IO.File]::WriteAllText((Join-Path $work 'password.cnf'), "[client]`npassword=`"$option`"`n", $utf8)
    $login += '--defaults-extra-file=' + (Join-Path $work 'password.cnf')
    $login += "--user=$User"
  }
  if ($HostName) { $login += "--host=$HostName" }
  if ($Port) { $login += "--port=$Port" }
  $login += '--default-character-set=utf8mb4'
  $arguments = ($login | ForEach-Object { '"' + $_ + '"' }) -join ' '

  # Statements go in by a file: PowerShell changes what goes through its pipes.
  function Invoke-File($sql, $more) {
    $out = Join-Path $work 'out.txt'; $err = Join-Path $work 'err.txt'
    $done = Start-Process -FilePath $client -ArgumentList ($arguments + ' ' + $more) -RedirectStandardInput $sql -RedirectStandardOutput $out -RedirectStandardError $err -NoNewWindow -Wait -PassThru
    if ($done.ExitCode -ne 0) { throw [System.IO.File]::ReadAllText($err) }
    @([System.IO.File]::ReadAllText($out, $utf8) -split "`r?`n" | Where-Object { $_ -ne '' })
  }
  function Invoke-Sql($text) {
    $sql = Join-Path $work 'ask.sql'
    [System.IO.File]::WriteAllText($sql, $text, $utf8)
    Invoke-File $sql '-N -B'
  }
  function Get-Name($name) { '`' + $name.Replace('`', '``') + '`' }

  Write-Host ('Server: ' + (Invoke-Sql "SELECT CONCAT(@@hostname, ' ', VERSION());"))
  Write-Host 'This will be removed and restored:'
  foreach ($d in $take) {
    $text = $d.Name.Replace('\', '\\').Replace("'", "''")
    $there = Invoke-Sql "SELECT CONCAT(COUNT(*), ' tables, about ', COALESCE(SUM(TABLE_ROWS), 0), ' rows') FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$text' HAVING COUNT(*) > 0;"
    $now = if ($there) { "on the server: $there" } else { 'not on the server' }
    Write-Host ('  ' + $d.Name + '  as of ' + $d.At + '  (' + $now + ')')
  }
  if (-not $Yes -and (Read-Host 'Type RESTORE to go on') -cne 'RESTORE') { throw 'nothing was changed' }

  Write-Host 'Restoring:'
  foreach ($d in $take) {
    try {
      $joined = Join-Path $work 'dump.zst'; $plain = Join-Path $work 'dump.sql'
      $to = [System.IO.File]::Create($joined)
      try {
        foreach ($file in $d.Files) {
          $from = [System.IO.File]::OpenRead((Join-Path $root $file.Path))
          try { $from.CopyTo($to) } finally { $from.Close() }
        }
      } finally { $to.Close() }
      & $zstd -d -q -f $joined -o $plain
      if ($LASTEXITCODE -ne 0) { throw 'it cannot be unpacked' }
      [void](Invoke-Sql ('SET FOREIGN_KEY_CHECKS=0; DROP DATABASE IF EXISTS ' + (Get-Name $d.Name) + ';'))
      [void](Invoke-File $plain '--binary-mode')
      $differ = @()
      foreach ($t in $d.Tables | Where-Object { $_.Rows -ne 'view' }) {
        $found = Invoke-Sql ('SELECT COUNT(*) FROM ' + (Get-Name $d.Name) + '.' + (Get-Name $t.Name) + ';')
        if ("$found" -ne $t.Rows) { $differ += ($t.Name + ' has ' + $found + ' rows of ' + $t.Rows) }
      }
      if ($differ.Count -gt 0) { $bad = $true; Write-Host ('  DIFFERS  ' + $d.Name + ': ' + ($differ -join ', ')) }
      else { Write-Host ('  good     ' + $d.Name + ': every table has as many rows as before') }
    } catch { $bad = $true; Write-Host ('  FAILED   ' + $d.Name + ': ' + $_) }
  }
} catch { Write-Host "restore.ps1: $_" -ForegroundColor Red; $bad = $true }
finally { Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue }
if ($bad) { Stop-Here 'not everything is back: see above; nothing on this disk was changed' }
Write-Host 'All is well. Look at the newest entries in your program now.'
