"""deploy/demo: builds, starts a network, moves real bytes through it, checks it, stops it."""
import argparse
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

from . import building
from .building import ROOT
from .council import Council
from .folders import Run, refuse_second_keep, stop_kept
from .lab import WINDOW_SECONDS as LAB_SECONDS
from .lab import WINDOWS, WINDOWS_MOST, build_laboratory, run_lab
from .law import Law
from .living import CouncilNetwork, LivingNetwork
from .monitor import MonitoredNetwork, run_monitor
from .network import Network
from .processes import Processes
from .progress import DemoError, complain, say, stage
from .report import Report
from .transfers import Curl
from .windows import Window

TARGETS = ["nightjar", "nightjar-relay", "nightjar-authority", "nightjar-recorder"]
INSTALLED = Path("/usr")
AUTHORITIES = 4
EPOCH_SECONDS, EPOCHS = 120, 4
EPOCH_SECONDS_LEAST = 60    # of a lab network
FILE_SIZE = 1 << 20
WINDOW_SECONDS = 16
PINGS = 3
PPS_LEAST = 10          # below this the delays get too long for the notice of pace changes
SMALL_SECONDS = 10      # curl's time limit for a small page, with all mixes up and with one stopped
RECOVERY_SECONDS = 30
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def programs(installed):
    """The folder below which the programs are."""
    return INSTALLED if installed else building.build("the programs", "release", TARGETS)


def make_network(programs, run, processes, options):
    law = Law(options.pps, 1 if options.cascade else 2)
    record = not options.keep and not options.monitor
    if options.authorities:
        return CouncilNetwork(programs, run, processes, law, False, options.epoch, options.authorities)
    kind = MonitoredNetwork if options.monitor else LivingNetwork if options.authority else Network
    return kind(programs, run, processes, law, record)


def start(network):
    """Starts everything up to a ready client. Returns the file that the web server offers."""
    with stage(f"keys for {len(network.relays)} relays, and a signed network document") as note:
        network.make_keys()
        network.sign_document()
        note(f"epochs of {network.epoch_seconds} s, keys in {network.folder} (tmpfs)")
    file = network.folder / "file"
    file.write_bytes(os.urandom(FILE_SIZE))
    network.start_services(file)
    with stage("relays") as note:
        for relay in network.relays:
            if relay.recorded:
                network.start_recorder(relay)
            network.start_relay(relay)
        for relay in network.relays:
            network.wait_active(relay)
            note(f"{relay.name} ready, links on {relay.address}")
    with stage("client: document, link to its gateway, first reply from an exit") as note:
        network.start_client()
        note(f"ready, SOCKS5 on {network.socks}, gateway {network.ask_client()[0]['gateway']}")
    return file


def ping(network, report):
    with stage("pings: to an exit and back with a SURB") as note:
        for _ in range(PINGS):
            answer, _ = network.ask_client("ping")
            report.pings.append(answer["round_trip_ms"])
            note(f"{answer['round_trip_ms']:.0f} ms by {' > '.join(answer['there'])}, "
                 f"back by {' > '.join(answer['back'])}")


def measure(network, report, file):
    curl, law = Curl(network), network.law
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    patience = 30 + 2 * FILE_SIZE / law.goodput_up
    with stage(f"idle for {WINDOW_SECONDS} s: the client sends at the same rates"):
        with Window("idle", network) as window:
            time.sleep(WINDOW_SECONDS)
    report.windows.append(window)

    def busy(name, transfer, path, *more):
        with stage(f"{name} 1 MiB from {network.url}, a name that only the exit can resolve") as note:
            with Window(name, network) as window:
                begun = time.monotonic()
                done = transfer()
                # Stay busy until the window is as long as the idle one.
                curl.keep_busy(path, WINDOW_SECONDS - (time.monotonic() - begun), *more)
            note(f"SHA-256 matches; first byte after {done.first_byte:.2f} s, "
                 f"{done.goodput / 1000:.1f} kB/s")
        report.windows.append(window)
        report.transfers.append(done)

    busy("download", lambda: curl.download(digest, patience), "/endless")
    busy("upload", lambda: curl.upload(file, digest, patience), "/upload",
         "--upload-file", str(file))
    with stage("three small pages at once") as note:
        pages, seconds = curl.small_pages(3, patience)
        report.transfers += pages
        note(f"all three within {seconds:.2f} s")


def stop_each_mix(network, report):
    """--cascade: there is only one route, so no page arrives while one of its mixes is stopped. Before each is
    stopped the same page arrives within the same limit."""
    curl, limit = Curl(network), f"within {SMALL_SECONDS} s"
    for relay in network.mixes:
        with stage(f"a small page must arrive {limit}, and not with {relay.name} stopped") as note:
            arrived, good, how = curl.small_page(SMALL_SECONDS)
            if not arrived:
                raise DemoError(f"with all mixes up a small page did not arrive {limit}: {how}")
            note(f"all mixes up: it arrived after {good:.2f} s")
            network.processes.stop(relay.name)
            arrived, seconds, how = curl.small_page(SMALL_SECONDS)
            if arrived:
                raise DemoError(f"with {relay.name} stopped a small page arrived after {seconds:.2f} s")
            note(f"{relay.name} stopped: nothing after {seconds:.1f} s; {how}")
            report.stopped.append((relay.name, f"nothing {limit} ({how}); with all mixes up the "
                                   f"same page had arrived after {good:.2f} s"))
            network.start_relay(relay)
            network.wait_active(relay)
            note(f"{recover(network)} after its restart, with its old keys")


def recover(network):
    """Waits until a ping comes back."""
    begun = time.monotonic()
    while True:
        try:
            network.ask_client("ping")
            return f"pings come back {time.monotonic() - begun:.1f} s"
        except DemoError:
            if time.monotonic() - begun > RECOVERY_SECONDS:
                raise DemoError("the network did not recover after a mix was restarted") from None
            time.sleep(0.5)


def leave_running(network, run, installed):
    run.note({"kept": network.processes.identities(), "socks": network.socks})
    network.processes.running.clear()
    until = time.strftime("%H:%M", time.localtime(network.ask_client()[0]["valid_until"]))
    say("\nThe network keeps running: its authority signs each document." if network.lives else
        f"\nThe network keeps running until its document expires at {until}.")
    say(f"SOCKS5 {network.socks}")
    say(f"  curl --proxy socks5h://{network.socks} {network.url}/small/1")
    for relay in network.relays:
        say(f"metrics http://{relay.metrics}/metrics  {relay.name}")
    say(f"status: {network.program('nightjar')} status --config {network.client_config}")
    say(f"stop it with: {'nightjar-demo' if installed else ROOT / 'deploy' / 'demo'} --stop")


def demonstrate(network, report, options):
    file = start(network)
    ping(network, report)
    measure(network, report, file)
    network.processes.check()
    report.collect()
    report.show()
    if options.cascade:
        stop_each_mix(network, report)
        report.show_stopped()
    report.write()
    report.verdict()


def run_demo(options):
    if options.keep:
        refuse_second_keep()
    if options.authorities:
        TARGETS.append("nightjar-liar")
    folder = programs(options.installed)
    laboratory = build_laboratory() if options.lab else None
    run = Run()
    processes = Processes(run.folder, options.keep)
    network = make_network(folder, run, processes, options)
    kept, bad = False, []
    try:
        if options.lab:
            run_lab(network, start, laboratory, options.windows, options.json)
        elif options.monitor:
            run_monitor(network, start)
        elif options.authorities:
            Council(network, options.epochs).run()
        else:
            demonstrate(network, Report(network, options), options)
        if options.keep:
            leave_running(network, run, options.installed)
            kept = True
    except Exception as error:
        processes.check()   # if a process has ended, its message explains the failure better
        if isinstance(error, (OSError, ValueError)):
            raise DemoError(f"{type(error).__name__}: {error}") from error
        raise
    finally:
        for number in ENDING:  # a second Ctrl-C must not interrupt the cleanup
            signal.signal(number, signal.SIG_IGN)
        if not kept:
            with stage("stopping all started processes"):
                bad = processes.stop_all()
            run.remove()
    if bad:
        raise DemoError("; ".join(bad))
    outcome = "The product's links agree with the simulation" if options.lab else \
        "The alert fires as expected" if options.monitor else \
        "Each epoch has its document, and nothing was lost" if options.authorities else \
        "All rates and transfers are as expected"
    say(f"\n{outcome}." if kept else f"\n{outcome}; all processes stopped, all files removed.")
    return 0


def command_line():
    parser = argparse.ArgumentParser(prog="deploy/demo", description="Runs a whole Nightjar network on this machine, moves real "
                                     "data through it, checks it, and stops it.")
    parser.add_argument("--keep", action="store_true", help="leave the network running")
    parser.add_argument("--stop", action="store_true", help="stop what --keep left running")
    parser.add_argument("--installed", action="store_true", help="run the programs that the packages installed "
                        "(nightjar-demo does), and build nothing")
    parser.add_argument("--authority", action="store_true",
                        help="run the authority as a service, so that the network lives by itself; takes some "
                        "seconds longer to start")
    parser.add_argument("--authorities", type=int, choices=[AUTHORITIES],
                        help="instead of the usual checks, run four authorities that agree, for some epochs (with the "
                        "source only): one is killed and comes back, one lies, a relay joins and one leaves while a download goes on")
    parser.add_argument("--epoch", type=lambda text: int(text.removesuffix("s")), default=EPOCH_SECONDS, metavar="S",
                        help=f"for --authorities: the length of an epoch in seconds (default {EPOCH_SECONDS}, at least "
                        f"{EPOCH_SECONDS_LEAST})")
    parser.add_argument("--epochs", type=int, default=EPOCHS, metavar="N",
                        help=f"for --authorities: the number of epochs (default and minimum {EPOCHS})")
    parser.add_argument("--cascade", action="store_true",
                        help="use one mix per layer, then stop each of them in turn")
    parser.add_argument("--monitor", action="store_true",
                        help="instead of the usual checks, watch the relays with Debian's Prometheus and "
                        "Alertmanager, take one relay down, and wait for the alert; with --keep the page with the "
                        "graphs stays")
    parser.add_argument("--lab", action="store_true",
                        help="instead of the usual checks, test whether an observer of the links "
                        "distinguishes a busy client from an idle one better than in a simulated "
                        "network; builds the laboratory too, observes every link if tshark may "
                        "capture, and by default takes about "
                        f"{WINDOWS * LAB_SECONDS / 60 + 2:.0f} minutes once it is built")
    parser.add_argument("--windows", type=int, metavar="N",
                        help=f"for --lab: number of windows of {LAB_SECONDS} seconds, a multiple of 4 "
                        f"(default {WINDOWS}, the minimum); four times as many halve the random error")
    parser.add_argument("--pps", type=float, default=50, metavar="U",
                        help="the network's main slots per second (default 50)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE (with --lab also "
                        "the observations, to FILE.slices)")
    return parser


def command_table(parser):
    """What --help says, in the lines that deploy/packaging/commands.py reads (sphinx/node/process/command_line.hpp)."""
    lines = [f"command\t\t{parser.description}"]
    for action in parser._actions:
        choices = f":{{{','.join(map(str, action.choices))}}}" if action.choices else ""
        value = "" if action.nargs == 0 else (action.metavar or "N") + choices
        lines.append(f"option\t{','.join(action.option_strings)}\t{value}\t{action.help}")
    return "\n".join(lines)


def parse():
    parser = command_line()
    options = parser.parse_args()
    if options.lab and (options.keep or options.stop or options.cascade or options.installed):
        parser.error("--lab cannot be combined with --keep, --stop, --cascade or --installed")
    if options.monitor and (options.lab or options.stop or options.cascade or options.authority or options.json):
        parser.error("--monitor can be combined with --keep, --pps and --installed only")
    if options.authorities and (options.keep or options.lab or options.cascade or options.authority or options.json
                                or options.monitor or options.installed):
        parser.error("--authorities can be combined with --epoch, --epochs and --pps only")
    if options.epoch < EPOCH_SECONDS_LEAST or options.epochs < EPOCHS:
        parser.error(f"--epoch: at least {EPOCH_SECONDS_LEAST} s; --epochs: at least {EPOCHS}")
    if options.windows is not None and not options.lab:
        parser.error("--windows needs --lab")
    options.windows = options.windows or WINDOWS
    if options.windows % 4 or not WINDOWS <= options.windows <= WINDOWS_MOST:
        parser.error(f"--windows: use a multiple of 4, {WINDOWS} to {WINDOWS_MOST}")
    if not PPS_LEAST <= options.pps <= 1000:
        parser.error(f"--pps: use {PPS_LEAST} to 1000 slots per second")
    if options.json and not os.access(Path(options.json).absolute().parent, os.W_OK):
        parser.error(f"--json: cannot write to {Path(options.json).absolute().parent}")
    return options


def interrupted(number, _):
    raise DemoError(f"ended by signal {number}")


def main():
    for number in ENDING:
        signal.signal(number, interrupted)
    if sys.argv[1:] == ["--command-table"]:
        print(command_table(command_line()))
        return 0
    options = parse()
    try:
        return stop_kept() if options.stop else run_demo(options)
    except DemoError as error:
        complain(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
