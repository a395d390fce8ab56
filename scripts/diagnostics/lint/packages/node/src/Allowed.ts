// What node is for.
import * as NodeContext from "@effect/platform-node/NodeContext"
import { PublicAddress } from "@lms-bridge/core/Images"
import * as http from "node:http"

export const all = [NodeContext, PublicAddress, http]
