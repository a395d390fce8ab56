/**
 * The environment variables with which programs reach the network and download other programs: proxies, certificates,
 * registries. Without them no preset starts behind a corporate proxy.
 */

const inBothCases = (names: ReadonlyArray<string>) => names.flatMap((name) => [name.toLowerCase(), name.toUpperCase()])

const prefixed = (prefix: string, names: string) => names.split(" ").map((name) => `${prefix}${name}`)

/**
 * Full names instead of prefixes: `npm_config__authToken` and `UV_PUBLISH_TOKEN` are the user's secrets, and
 * `npm_config_package` is about the command that started us.
 */
export const names: ReadonlyArray<string> = [
  ...inBothCases(["http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"]),
  "NODE_EXTRA_CA_CERTS",
  "NODE_USE_SYSTEM_CA",
  "NODE_USE_ENV_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SSL_CLIENT_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "AWS_CA_BUNDLE",
  "DENO_CERT",
  ...inBothCases(
    prefixed(
      "npm_config_",
      "registry proxy https_proxy noproxy ca cafile strict_ssl cache userconfig globalconfig prefix offline prefer_offline fetch_timeout fetch_retries maxsockets loglevel update_notifier audit fund script_shell"
    )
  ),
  ...prefixed(
    "UV_",
    "INDEX INDEX_URL DEFAULT_INDEX EXTRA_INDEX_URL INDEX_STRATEGY FIND_LINKS NO_INDEX NATIVE_TLS SYSTEM_CERTS INSECURE_HOST HTTP_TIMEOUT HTTP_RETRIES CONCURRENT_DOWNLOADS CACHE_DIR NO_CACHE OFFLINE LINK_MODE CONFIG_FILE NO_CONFIG KEYRING_PROVIDER PYTHON PYTHON_PREFERENCE PYTHON_DOWNLOADS PYTHON_INSTALL_DIR PYTHON_INSTALL_MIRROR PYPY_INSTALL_MIRROR TOOL_DIR TOOL_BIN_DIR EXCLUDE_NEWER PRERELEASE"
  ),
  ...prefixed(
    "PIP_",
    "INDEX_URL EXTRA_INDEX_URL NO_INDEX FIND_LINKS TRUSTED_HOST CERT CLIENT_CERT PROXY CACHE_DIR CONFIG_FILE TIMEOUT DEFAULT_TIMEOUT RETRIES KEYRING_PROVIDER"
  )
]

/**
 * `text` without the passwords in URLs among these variables: a program may print the proxy that it could not reach.
 */
export const withoutPasswords = (text: string, environment: Readonly<Record<string, string>>): string =>
  names
    .flatMap((name) => passwordsIn(environment[name] ?? ""))
    .reduce((redacted, password) => redacted.replaceAll(password, "<redacted>"), text)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Verbatim and decoded; some variables contain several URLs. */
const passwordsIn = (value: string): ReadonlyArray<string> =>
  value.split(/\s+/).flatMap((url) => {
    const written = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^\s/:@]*:([^\s/@]+)@/i.exec(url)?.[1] ?? ""
    if (written === "") return []
    return /%(?![0-9a-f]{2})/i.test(written) ? [written] : [written, plain(written)]
  })

const plain = (written: string): string => {
  const search = new URLSearchParams(`x=${written.replaceAll("+", "%2B").replaceAll("&", "%26")}`)
  return search.get("x") ?? written
}
