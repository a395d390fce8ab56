/** Bundles a program of the fixture, once for all that start it. */
import { Effect } from "effect"
import { build } from "esbuild"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const bundled = (entry: string) =>
  Effect.runSync(
    Effect.cached(
      Effect.promise(async () => {
        const outfile = join(mkdtempSync(join(tmpdir(), "lms-bridge-fixture-")), "serve.mjs")
        await build({
          entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
          outfile,
          bundle: true,
          format: "esm",
          platform: "node",
          mainFields: ["module", "main"],
          conditions: ["@lms-bridge/source"],
          banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
          logLevel: "error"
        })
        return outfile
      })
    )
  )

export const overStdio = bundled("serveStdio.ts")

export const overHttp = bundled("serve.ts")
