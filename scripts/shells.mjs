// The shells whose completion is tested: zsh and fish are installed where Debian's packages can be, so that the tests of
// `Completions.test.ts` run in all three of them.
import { startSuite } from "./checks.mjs"
import { run } from "./workspace.mjs"

const suite = startSuite("shells")

const isThere = async (shell) => (await run(shell, ["-c", "exit 0"])).code === 0
const apt = (seconds, ...args) =>
  run("apt-get", args, { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMillis: seconds * 1000 })
const install = (...shells) => apt(40, "install", "-y", "--no-install-recommends", ...shells)

const missing = async () => {
  const found = await Promise.all(["zsh", "fish"].map(async (shell) => [shell, await isThere(shell)]))
  return found.flatMap(([shell, there]) => (there ? [] : [shell]))
}

const before = await missing()
if (before.length > 0 && process.platform === "linux" && process.getuid?.() === 0) {
  // the lists of packages may be old, or not there
  if ((await install(...before)).code !== 0 && (await apt(30, "update")).code === 0) await install(...before)
}
const left = await missing()
if (left.length === 2)
  process.exit(suite.skip("neither zsh nor fish is here, and Debian's packages cannot be installed"))
for (const shell of ["bash", "zsh", "fish"]) {
  if (left.includes(shell)) console.log(`  skip  ${shell} is not here, and Debian's package cannot be installed`)
  else suite.record(`${shell} runs`, (await isThere(shell)) ? undefined : `${shell} does not run`)
}
process.exit(suite.finish())
