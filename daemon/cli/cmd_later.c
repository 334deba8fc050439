/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_later: commands whose feature does not exist yet.  They say to which one they belong and fail.
 */
#include "cli/command.h"

#define JOBS "the job service"
#define NODES "clusters of several nodes"
#define LATER(group, name, feature, help) {group, name, "", 0, -1, NULL, 0, help, NULL, feature}

const struct command cmd_later[] = {
    LATER("", "runUfsIOTest", "the benches of stores", "Measures the throughput of a store."),
    LATER("", "runHdfsMountTests", "the HDFS under-store", "Validates an HDFS mount."),
    LATER("", "runJournalCrashTest", NODES, "Simulates failovers."),
    LATER("", "runClass", "the benches", "Runs a bench."),
    LATER("", "formatMasters", NODES, "Formats every master."),
    LATER("", "formatWorker", NODES, "Formats one worker."),
    LATER("", "formatJournal", NODES, "Formats the journal of one master."),
    LATER("", "bootstrapConf", NODES, "Writes the settings of a new node."),
    LATER("", "copyDir", NODES, "Copies a folder to every node."),
    LATER("", "killAll", NODES, "Ends processes on every node."),
    LATER("", "upgradeJournal", "upgrades of the journal's format", "Upgrades an old journal."),
    LATER("fs", "crc64check", "the OSS under-store", "Compares CRC64 with the store."),
    LATER("fs", "distributedCp", JOBS, "Copies with many workers."),
    LATER("fs", "distributedMv", JOBS, "Moves with many workers."),
    LATER("fs", "distributedLoad", JOBS, "Loads with many workers."),
    LATER("fs", "freeWorker", NODES, "Frees everything of a worker."),
    LATER("fs", "startSync", "events of stores", "Starts automatic comparing."),
    LATER("fs", "stopSync", "events of stores", "Stops automatic comparing."),
    LATER("fs", "getSyncPathList", "events of stores", "Lists paths compared automatically."),
    LATER("fs", "syncDirNextTime", "events of stores", "Marks a directory for comparing."),
    LATER("fsadmin", "journal quorum", NODES, "Shows or changes the quorum."),
    LATER("fsadmin", "report jobservice", JOBS, "Reports on jobs."),
    LATER("fsadmin", "report proxy", NODES, "Reports on proxies."),
    LATER("fsadmin", "statelock", NODES, "Shows who waits for the state lock."),
    LATER("fsadmin", "decommissionWorker", NODES, "Takes workers out of service."),
    LATER("fsadmin", "enableWorker", NODES, "Takes workers into service again."),
    LATER("job", "leader", JOBS, "Prints the leader of the job service."),
    LATER("job", "ls", JOBS, "Lists jobs."),
    LATER("job", "stat", JOBS, "Shows a job."),
    LATER("job", "cancel", JOBS, "Cancels a job."),
    LATER("job", "getCmdStatus", JOBS, "Shows a command of many jobs."),
    {0}};
