// Processes, their handles, and small disks, as the kernel has them. Linux only.
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

const pids = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

/** Living processes whose environment or command has the text. */
export const processesWith = (text) =>
  pids().flatMap((pid) => {
    if (pid === process.pid) return []
    const args = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()
    return args !== "" && (args.includes(text) || read(`/proc/${pid}/environ`).includes(text)) ? [{ pid, args }] : []
  })

export const parentOf = (pid) => Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)

export const isBelow = (pid, root) => {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === root) return true
  return false
}

const established = "01"

/** The sockets of a process that are connected to a port of this machine, as /proc names them. */
const connectedTo = (pid, port) => {
  const at = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const rows = ["tcp", "tcp6"].flatMap((table) => read(`/proc/${pid}/net/${table}`).split("\n").slice(1))
  return new Set(
    rows
      .map((row) => row.trim().split(/\s+/))
      .filter(([, , remote, state]) => remote?.endsWith(at) && state === established)
      .map((row) => `socket:[${row[9]}]`)
  )
}

/** Open handles by kind. Connections to the port of a database, if one is given, are counted for themselves. */
export const handlesOf = (pid, port) => {
  const kinds = { ...(port === undefined ? {} : { connections: 0 }), sockets: 0, pipes: 0, files: 0, others: 0 }
  const connections = port === undefined ? new Set() : connectedTo(pid, port)
  for (const name of existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`) : []) {
    let to = ""
    try {
      to = readlinkSync(`/proc/${pid}/fd/${name}`)
    } catch {
      continue
    }
    if (connections.has(to)) kinds.connections++
    else if (to.startsWith("socket:")) kinds.sockets++
    else if (to.startsWith("pipe:")) kinds.pipes++
    else if (to.startsWith("/") && !to.startsWith("/dev/")) kinds.files++
    else kinds.others++
  }
  return kinds
}

export const signal = (pid, name) => {
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false
  }
}

/** No more handles than it has now; gives what takes that back. */
export const withoutHandles = (pid) => {
  const open = existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).map(Number) : []
  if (open.length === 0) return () => {}
  const before = /^Max open files\s+(\d+)/m.exec(read(`/proc/${pid}/limits`))?.[1] ?? "1024"
  const limit = (most) => {
    try {
      execFileSync("prlimit", ["--pid", String(pid), `--nofile=${most}:`], { stdio: "ignore" })
    } catch {
      // it has ended meanwhile
    }
  }
  limit(Math.max(...open) + 1)
  return () => limit(before)
}

/** A disk of so many bytes, which can be filled; undefined where none can be mounted. */
export const smallDisk = (path, size) => {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0777`, "tmpfs", path], { stdio: "ignore" })
  } catch {
    return undefined
  }
  const ballast = join(path, "ballast")
  return {
    fill: () => {
      const { bavail, bsize } = statfsSync(path)
      try {
        writeFileSync(ballast, Buffer.alloc(bavail * bsize, 1))
      } catch {
        // what is left is less than was thought
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    close: () => {
      try {
        execFileSync("umount", ["-l", path], { stdio: "ignore" })
      } catch {
        // it is gone
      }
    }
  }
}
