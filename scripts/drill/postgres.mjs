// A PostgreSQL of its own: in a folder of its own, on loopback, as a user without rights, with a port that is free.
import { spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { smallDisk } from "../chaos/machine.mjs"
import { run } from "../workspace.mjs"

const folders = () => [
  ...(existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [])
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`),
  ...(process.env.PATH ?? "").split(":")
]

/** The folder of its programs; undefined where there is none. */
export const find = () => folders().find((folder) => existsSync(join(folder, "initdb")))

const install = () =>
  run("apt-get", ["install", "-y", "--no-install-recommends", "postgresql"], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    timeoutMillis: 90_000
  })

/** The folder of its programs, after an attempt to install Debian's package; undefined where there is none. */
export const programs = async () => {
  if (find() === undefined && process.platform === "linux" && process.getuid?.() === 0) await install()
  return find()
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** PostgreSQL refuses to run as root. */
const unprivileged = () => {
  if (process.getuid?.() !== 0) return {}
  const entries = readFileSync("/etc/passwd", "utf8").split("\n")
  const [, , uid, gid] = (entries.find((line) => line.startsWith("postgres:")) ?? "nobody:x:65534:65534").split(":")
  return { uid: Number(uid), gid: Number(gid) }
}

const until = async (holds, seconds, what) => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what} took longer than ${seconds} s`)
}

/** `size`: its folder is a disk of so much, which can be filled. */
export const startPostgres = async (bin, { size } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "lms-bridge-postgres-"))
  const disk = size === undefined ? undefined : smallDisk(folder, size)
  const data = join(folder, "data")
  const who = unprivileged()
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid)
  const port = await freePort()
  const own = (program, args) =>
    new Promise((resolve, reject) => {
      let said = ""
      const child = spawn(join(bin, program), args, { ...who, cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk))
      child.on("close", (code) => (code === 0 ? resolve(said) : reject(new Error(`${program}: ${said}`))))
    })
  await own("initdb", [
    "-D",
    data,
    "-A",
    "trust",
    "-U",
    "lms",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
    "--wal-segsize=1"
  ])
  let server
  const isRunning = () => server !== undefined && server.exitCode === null && server.signalCode === null
  const start = async () => {
    if (isRunning()) return
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      fsync: "off",
      ...(disk === undefined ? {} : { max_wal_size: "32MB", min_wal_size: "2MB" })
    }
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    server = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), ...args], {
      ...who,
      cwd: folder,
      stdio: "ignore"
    })
    await until(
      () =>
        own("pg_isready", ["-h", "127.0.0.1", "-p", String(port)]).then(
          () => true,
          () => false
        ),
      30,
      "the start of PostgreSQL"
    )
  }
  /** As a crash would: it is not waited for whoever is connected. */
  const stop = async () => {
    if (!isRunning()) return
    const ended = new Promise((resolve) => server.once("close", resolve))
    server.kill("SIGQUIT")
    await ended
  }
  await start()
  await own("createdb", ["-h", "127.0.0.1", "-p", String(port), "-U", "lms", "team"])
  return {
    url: `postgres://lms@127.0.0.1:${port}/team`,
    port,
    disk,
    urlAt: (other) => `postgres://lms@127.0.0.1:${other}/team`,
    /** The rows of a statement, each a list of texts. */
    rows: async (statement) =>
      (await own("psql", ["-h", "127.0.0.1", "-p", String(port), "-U", "lms", "-AtF", "\t", "-c", statement, "team"]))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split("\t")),
    start,
    stop,
    close: async () => {
      await stop()
      disk?.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
