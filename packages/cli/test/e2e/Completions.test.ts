/** Completion scripts in the shells themselves: a line that ends where the person presses TAB, and what is offered. */
import { execFile, execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bundle, patience, platform, world } from "./Harness.ts"

const isThere = (shell: string) => {
  try {
    execFileSync(shell, ["-c", "exit 0"])
    return true
  } catch {
    return false
  }
}

interface Place {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

const output = (place: Place, program: string, args: ReadonlyArray<string>) =>
  Effect.async<string>((resume) => {
    const env = { ...place.env, PATH: `${place.folder}:${place.env["PATH"]}`, TERM: "dumb" }
    execFile(program, [...args], { cwd: place.env["HOME"], env, timeout: 60_000 }, (_, stdout, stderr) =>
      resume(Effect.succeed(stdout + stderr))
    )
  })

/** `=` and `:` are words of their own in bash. */
const inBash = (place: Place, line: string) => {
  const words = line.split(/(?<=[=:])|(?=[=:])| /).map((word) => `'${word}'`)
  return output(place, "bash", [
    "--norc",
    "-c",
    `source '${place.folder}/bash'; COMP_LINE='${line}'; COMP_POINT=${line.length}; COMP_WORDS=(${words.join(" ")})
     COMP_CWORD=${words.length - 1}; _lms_bridge; printf '%s\n' "\${COMPREPLY[@]}"`
  ])
}

const inFish = (place: Place, line: string) =>
  output(place, "fish", ["--no-config", "-c", `source '${place.folder}/fish'; complete -C '${line}'`])

/** Types the line and TAB twice, and reads what is printed until the line is done. */
const inZsh = (place: Place, line: string) =>
  output(place, "zsh", [
    "-f",
    "-c",
    `zmodload zsh/zpty
     zpty z 'zsh -f -i'
     zpty -w z 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source ${place.folder}/zsh; print REA""DY'
     zpty -r -m z out '*READY*'
     zpty -w z 'bindkey "^I" complete-word; zstyle ":completion:*" menu no; done-now() { print -r -- "LINE[$BUFFER]"; BUFFER= }; zle -N done-now; bindkey "^X" done-now; print REA""DY2'
     zpty -r -m z out '*READY2*'
     zpty -w -n z '${line}'$'\t\x18'
     zpty -r -m z out '*LINE\\[*\\]*'
     print -r -- $out
     zpty -d z`
  ])

const shells = { bash: inBash, zsh: inZsh, fish: inFish } as const

describe("completion", () => {
  for (const [shell, typed] of Object.entries(shells)) {
    describe.skipIf(!isThere(shell))(`${shell}${isThere(shell) ? "" : " (skipped: it is not on this machine)"}`, () => {
      it.scoped(
        "offers commands, options, values, files and names",
        () =>
          Effect.gen(function* () {
            const { env, home, run } = yield* world
            const folder = mkdtempSync(join(tmpdir(), "lms-bridge-completions-"))
            writeFileSync(join(folder, shell), (yield* run(["--completions", shell])).stdout)
            writeFileSync(join(folder, "lms-bridge"), `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`)
            chmodSync(join(folder, "lms-bridge"), 0o755)
            writeFileSync(join(home, "story.md"), "")
            for (const [line, wanted] of [
              ["lms-bridge models est", "estimate"],
              ["lms-bridge run --max-to", "--max-to"],
              ["lms-bridge run --exclude", "--exclude-tools"],
              ["lms-bridge install cu", "cursor"],
              ["lms-bridge run --stand-in al", "always"],
              ["lms-bridge run --mcp mem", "memory"],
              ["lms-bridge mcp tools fil", "filesystem"],
              ["lms-bridge models show text-emb", "text-embedding"],
              ["lms-bridge runs show la", "last"],
              ["lms-bridge run --file sto", "story.md"],
              ["lms-bridge run --files no", "notes"]
            ] as const) {
              // names of models have 300 ms; on a busy machine a person presses TAB again
              const found = yield* Effect.repeat(typed({ folder, env }, line), {
                until: (found) => found.includes(wanted),
                times: line.startsWith("lms-bridge models show") ? 9 : 0
              })
              assert.include(found, wanted, `${line}: ${found}`)
            }
          }).pipe(Effect.provide(platform)),
        patience
      )
    })
  }
})
