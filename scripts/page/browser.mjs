// Debian's Chromium, installed where that is allowed; undefined where there is none.
import { existsSync } from "node:fs"
import { run } from "../workspace.mjs"

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

export const openBrowser = async () => {
  let executablePath = places.find((path) => existsSync(path))
  if (executablePath === undefined && process.env.CI !== undefined && process.getuid?.() === 0) {
    console.log("page: installing Chromium")
    const install = "apt-get update -q && apt-get install -qy --no-install-recommends chromium"
    await run("sh", ["-c", install], { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMillis: 60_000 })
    executablePath = places.find((path) => existsSync(path))
  }
  if (executablePath === undefined) return undefined
  const { chromium } = await import("playwright-core")
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
  })
}
