/** Where a home holds keys, passwords and other programs' conversations, as data. */

/** Folders and files relative to a home, with `/`. Everything below them belongs to them. */
export const secretPlaces: ReadonlyArray<string> = [
  ".ssh",
  ".gnupg",
  ".aws",
  ".azure",
  ".kube",
  ".docker",
  ".password-store",
  ".netrc",
  "_netrc",
  ".npmrc",
  ".pypirc",
  ".pgpass",
  ".my.cnf",
  ".git-credentials",
  ".vault-token",
  ".terraform.d",
  ".cargo/credentials",
  ".cargo/credentials.toml",
  ".gem/credentials",
  ".config/gcloud",
  ".config/gh",
  ".config/glab-cli",
  ".config/hub",
  ".config/op",
  ".config/rclone",
  ".config/git/credentials",
  ".local/share/keyrings",
  // ours, and those of other assistants
  ".lms-bridge",
  ".local/share/lms-bridge",
  ".local/state/lms-bridge",
  ".claude",
  ".claude.json",
  ".lmstudio",
  ".codex",
  ".gemini",
  ".cursor",
  ".codeium",
  ".continue",
  ".config/opencode",
  ".config/goose",
  ".config/Claude",
  // browsers
  ".mozilla",
  ".thunderbird",
  ".config/google-chrome",
  ".config/chromium",
  ".config/BraveSoftware",
  ".config/microsoft-edge",
  ".config/vivaldi",
  "Library/Keychains",
  "Library/Cookies",
  "Library/Mail",
  "Library/Messages",
  "Library/Safari",
  "Library/Application Support/Google/Chrome",
  "Library/Application Support/Firefox",
  "Library/Application Support/BraveSoftware",
  "Library/Application Support/Microsoft Edge",
  "Library/Application Support/Claude",
  "AppData/Roaming/Microsoft/Credentials",
  "AppData/Local/Microsoft/Credentials",
  "AppData/Roaming/Mozilla",
  "AppData/Local/Google/Chrome",
  "AppData/Local/Microsoft/Edge",
  "AppData/Roaming/Claude"
]

/**
 * Whether a path, with `/` and without `..`, is or lies in such a place of any home, or is a file of secrets anywhere:
 * an `.env`, a private key. Case does not matter.
 */
export const isSecretPlace = (path: string): boolean => {
  const low = `/${path.toLowerCase().replace(/^\/+/, "")}/`
  const name = low.split("/").at(-2) ?? ""
  return secretFile.test(name) || systemSecrets.test(low) || lowPlaces.some((place) => isIn(place, low))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Examples and templates contain no secrets. */
const secretFile =
  /^(?:\.env(?:[-_.~](?!example$|sample$|template$|dist$)[\w.~-]*)?|(?!example|sample|template)[\w-]+\.env|\.envrc|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|\.htpasswd|.+\.(?:kdbx|keychain-db|p12|pfx|ppk|jks))$/

const systemSecrets =
  /^\/(?:etc\/(?:shadow|gshadow|sudoers)(?:-|\.d)?\/|proc\/[^/]+\/environ\/|(?:var\/)?run\/secrets\/)/

/** Projects have folders with these names too, which hold no keys: they count only in a home. */
const inProjects = /^\.(?:claude|cursor|npmrc|gemini|codex|continue|docker)$/

/** `~`, `/home/me`, `/Users/me`, `/root`, `C:/Users/me`. */
const home = /^\/(?:~[^/]*|root|(?:[a-z]:\/)?(?:home|users)\/[^/]+)\/(.*)$/

/** Most of them count below any folder, because a path may be relative to a home that is not known here. */
const isIn = (place: string, low: string): boolean =>
  inProjects.test(place) ? (home.exec(low)?.[1] ?? "").startsWith(`${place}/`) : low.includes(`/${place}/`)

const lowPlaces = secretPlaces.map((place) => place.toLowerCase())
