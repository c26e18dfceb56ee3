import sys
sys.path.insert(0, "tests/e2e")
from lab import *
from zones import *
with Lab(ZONE, policyd=len(sys.argv) > 1) as lab:
    try:
        r = lab.send(message("a@honest.test")); print(r); print(lab.results(r)); print(lab.verdict_line(r.queue_id))
        r = lab.send(message("a@reject.test"), client=BAD, sender="x@evil.test"); print(r)
        r = lab.send(message("a@quarantine.test"), client=BAD, sender="x@evil.test"); print(r, lab.held(r))
        s = lab.sign(message("a@reject.test")); print(s[:300])
        r = lab.send(s, client=BAD, sender="x@evil.test"); print(r); print(lab.results(r)); print(lab.verdict_line(r.queue_id))
    finally:
        print(lab.milter.text()); 
        if lab.policyd: print(lab.policyd.text())
        print(lab.postfix_log()[-3000:])
