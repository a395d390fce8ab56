import { assert, describe, it } from "@effect/vitest"
import { usefulIn } from "#src/mcp/LastWords.ts"

/** The ends of what real programs print, and the line of each that helps. */
const tails: ReadonlyArray<readonly [name: string, useful: string, printed: string]> = [
  [
    "node, a script that is not there",
    "Cannot find module '/nonexistent/server.js'",
    `node:internal/modules/cjs/loader:1228
  throw err;
  ^

Error: Cannot find module '/nonexistent/server.js'
    at Function._resolveFilename (node:internal/modules/cjs/loader:1225:15)
    at Function._load (node:internal/modules/cjs/loader:1055:27)
    at node:internal/main/run_main_module:36:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v22.12.0
`
  ],
  [
    "node, a package that is not there, from a module",
    "Cannot find package 'zod' imported from /srv/server.mjs",
    `node:internal/modules/package_json_reader:256
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);
        ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'zod' imported from /srv/server.mjs
    at Object.getPackageJSONURL (node:internal/modules/package_json_reader:256:9)
    at ModuleLoader.resolveSync (node:internal/modules/esm/loader:578:12) {
  code: 'ERR_MODULE_NOT_FOUND'
}

Node.js v22.12.0`
  ],
  [
    "node, a mistake in the code",
    "SyntaxError: Unexpected token '='",
    `/srv/server.js:3
const = 1
      ^

SyntaxError: Unexpected token '='
    at wrapSafe (node:internal/modules/cjs/loader:1469:18)

Node.js v22.12.0`
  ],
  [
    "node, with a cause",
    "TypeError: fetch failed",
    `node:internal/deps/undici/undici:13392
      Error.captureStackTrace(err);
            ^

TypeError: fetch failed
    at node:internal/deps/undici/undici:13392:13
    at async main (file:///srv/server.mjs:2:1) {
  [cause]: Error: connect ECONNREFUSED 127.0.0.1:9
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1615:16) {
    errno: -111
  }
}

Node.js v22.12.0`
  ],
  [
    "python, a package that is not there",
    "ModuleNotFoundError: No module named 'mcp'",
    `Traceback (most recent call last):
  File "/srv/server.py", line 1, in <module>
    import mcp
ModuleNotFoundError: No module named 'mcp'
`
  ],
  [
    "python, one exception during another",
    "RuntimeError: API_KEY is not set",
    `Traceback (most recent call last):
  File "/srv/server.py", line 4, in <module>
    key = os.environ["API_KEY"]
          ~~~~~~~~~~^^^^^^^^^^^
KeyError: 'API_KEY'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/server.py", line 6, in <module>
    raise RuntimeError("API_KEY is not set")
RuntimeError: API_KEY is not set`
  ],
  [
    "python, a group of exceptions",
    "ValueError: the folder is not one",
    `  + Exception Group Traceback (most recent call last):
  |   File "/srv/server.py", line 9, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/server.py", line 5, in main
    |     raise ValueError("the folder is not one")
    | ValueError: the folder is not one
    +------------------------------------`
  ],
  [
    "python, a script that is not there",
    "python3: can't open file '/srv/nope.py': [Errno 2] No such file or directory",
    "python3: can't open file '/srv/nope.py': [Errno 2] No such file or directory\n"
  ],
  [
    "python, a module that is not there",
    "/usr/bin/python3: No module named nope",
    "/usr/bin/python3: No module named nope\n"
  ],
  [
    "uvx, a package that is not there",
    "Because nope-server was not found in the package registry and you require nope-server, we can conclude that your requirements are unsatisfiable.",
    `  × No solution found when resolving tool dependencies:
  ╰─▶ Because nope-server was not found in the package registry and you
      require nope-server, we can conclude that your requirements are
      unsatisfiable.
`
  ],
  [
    "uv, a program that is not there",
    "Failed to spawn: `nope`: No such file or directory (os error 2)",
    "error: Failed to spawn: `nope`\n  Caused by: No such file or directory (os error 2)\n"
  ],
  [
    "npx, a package that is not there",
    "'@acme/nope@*' is not in this registry.",
    `npm error code E404
npm error 404 Not Found - GET https://registry.example.org/@acme%2fnope - Not found
npm error 404
npm error 404  '@acme/nope@*' is not in this registry.
npm error 404
npm error 404 Note that you can also install from a
npm error 404 tarball, folder, http url, or git folder.
npm error A complete log of this run can be found in: /home/me/.npm/_logs/2026-01-01T00_00_00_000Z-debug-0.log
`
  ],
  [
    "npx of an older npm",
    "could not determine executable to run",
    "npm ERR! could not determine executable to run\n\nnpm ERR! A complete log of this run can be found in:\nnpm ERR!     /home/me/.npm/_logs/x.log\n"
  ],
  [
    "npx without a network",
    "request to https://registry.example.org/x failed, reason: getaddrinfo ENOTFOUND registry.example.org",
    `npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request to https://registry.example.org/x failed, reason: getaddrinfo ENOTFOUND registry.example.org
npm error network This is a problem related to network connectivity.`
  ],
  [
    "docker, an image that is not there",
    "Error response from daemon: pull access denied for mcp/nope, repository does not exist or may require 'docker login': denied: requested access to the resource is denied.",
    `Unable to find image 'mcp/nope:latest' locally
docker: Error response from daemon: pull access denied for mcp/nope, repository does not exist or may require 'docker login': denied: requested access to the resource is denied.
See 'docker run --help'.
`
  ],
  [
    "docker, which does not run",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?.",
    `docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?.

Run 'docker run --help' for more information`
  ],
  [
    "go",
    "panic: open config.json: no such file or directory",
    "panic: open config.json: no such file or directory\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:12 +0x1d\nexit status 2\n"
  ],
  [
    "rust",
    "no token was given",
    "thread 'main' panicked at src/main.rs:5:10:\nno token was given\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
  ],
  [
    "java",
    "java.lang.IllegalStateException: no port",
    'Exception in thread "main" java.lang.IllegalStateException: no port\n\tat Main.main(Main.java:3)\n'
  ],
  ["a shell", "sh: 1: nope: not found", "starting\nsh: 1: nope: not found\n"],
  ["colours", "No key", "\u001B[31mError: No key\u001B[0m\n    at main (/srv/x.js:1:1)\n"],
  ["plain words", "no token", "no token\n"],
  ["several plain lines", "Usage: server --key KEY or set KEY", "\nUsage: server --key KEY\n  or set KEY\n"],
  ["nothing", "", " \n\n"]
]

describe("LastWords", () => {
  it.each(tails)("%s", (_, useful, printed) => {
    assert.strictEqual(usefulIn(printed), useful)
  })

  it("is one line of limited length, whatever was printed", () => {
    const long = usefulIn(`Error: ${"x".repeat(5000)}\n`)
    assert.isAtMost(long.length, 400)
    assert.notInclude(usefulIn("a\nb\r\nc\rd"), "\n")
  })
})
