// Makes the page, one HTML text, of src/client: `dist/asset.js`, which Page.ts takes. Run by scripts/build.mjs.
import { createHash } from "node:crypto"
import { mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))

export const buildPage = async () => {
  const { build } = await import("esbuild")
  const result = await build({
    entryPoints: [join(here, "src", "client", "main.ts"), join(here, "src", "client", "page.css")],
    outdir: join(here, "dist"),
    write: false,
    bundle: true,
    format: "iife",
    target: ["chrome115", "firefox115", "safari16"],
    conditions: ["@lms-bridge/source"],
    minify: true,
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent"
  })
  const textOf = (ending) => result.outputFiles.find(({ path }) => path.endsWith(ending)).text.trim()
  const script = textOf(".js")
  const style = textOf(".css")
  if (/<\/script|<!--/i.test(script)) throw new Error("the page's program would end its own element")
  const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>lms-bridge</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 11a7 7 0 0 1 14 0M4 11v3M8 8v6M12 11v3' fill='none' stroke='%234b7bec' stroke-width='2'/%3E%3C/svg%3E">
<style>${style}</style>
</head>
<body><div id="page"><noscript>This page needs JavaScript.</noscript></div><script>${script}</script></body>
</html>
`
  const module = Object.entries({ html, scriptHash: hash(script), styleHash: hash(style) })
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`)
    .join("")
  mkdirSync(join(here, "dist"), { recursive: true })
  const file = join(here, "dist", "asset.js")
  writeFileSync(`${file}.${process.pid}`, module)
  renameSync(`${file}.${process.pid}`, file)
  return html
}
