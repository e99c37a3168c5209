//! Tests of the layouts against what the originals print.

use super::*;
use crate::fixture;
use insta::assert_snapshot;

fn shown(style: SummaryStyle, report: &LoadReport) -> String {
    summary_text(style, report, 80).replace('\t', "→")
}

#[test]
fn every_layout_has_its_name() {
    for style in SummaryStyle::ALL {
        assert_eq!(style.name().parse(), Ok(style));
        assert_eq!(style.to_string(), style.name());
    }
    let error = "oha".parse::<SummaryStyle>().unwrap_err();
    assert!(error.to_string().starts_with("`oha` is no summary"));
}

#[test]
fn ours_is_the_plain_summary() {
    let report = fixture::steady();
    assert_eq!(
        summary_text(SummaryStyle::Tonnage, &report, 70),
        load_text(&report, 70)
    );
}

#[test]
fn as_wrk() {
    assert_snapshot!(shown(SummaryStyle::Wrk, &fixture::steady()), @r"
    Running 10s test @ http://127.0.0.1:8000/?it1=60000&it2=1
      1 threads and 8 connections
      Thread Stats   Avg      Stdev     Max   +/- Stdev
        Latency     7.74ms    3.96ms  54.17ms   87.66%
        Req/Sec     0.97k   199.89     1.05k    90.00%
      Latency Distribution
         50%    6.55ms
         75%    8.99ms
         90%   12.36ms
         99%   22.66ms
      9710 requests in 10.00s, 1.68MB read
      Socket errors: connect 20, read 0, write 0, timeout 0
      Non-2xx or 3xx responses: 40
    Requests/sec:    971.00
    Transfer/sec:    171.87KB
    note: latencies are as measured; wrk adds invented ones below each that is
      longer than expected (its correction for coordinated omission).
    note: Req/Sec per thread comes from slices of a second or more and counts
      successes; wrk samples every 100 ms and counts all responses.
    note: SUSPECT. The rate fell by 61 % in the second at 6 s. Look at the server's
      log at that time, or measure longer. 60 of 9 680 requests failed (0.6 %).
    ");
}

#[test]
fn as_hey() {
    assert_snapshot!(shown(SummaryStyle::Hey, &fixture::steady()), @r"
    Summary:
      Total:→10.0000 secs
      Slowest:→0.0542 secs
      Fastest:→0.0042 secs
      Average:→0.0078 secs
      Requests/sec:→971.0000

      Total data:→1759940 bytes
      Size/request:→181 bytes

    Response time histogram:
      0.004 [27]→|
      0.009 [7350]→|■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■
      0.014 [1693]→|■■■■■■■■■
      0.019 [410]→|■■
      0.024 [116]→|■
      0.029 [40]→|
      0.034 [17]→|
      0.039 [8]→|
      0.044 [4]→|
      0.049 [3]→|
      0.054 [2]→|


    Latency distribution:
      10% in 0.0046 secs
      25% in 0.0052 secs
      50% in 0.0066 secs
      75% in 0.0090 secs
      90% in 0.0124 secs
      95% in 0.0151 secs
      99% in 0.0227 secs

    Details (average, fastest, slowest):
      DNS+dialup:→0.0001 secs, 0.0001 secs, 0.0001 secs
      DNS-lookup:→n/a secs, n/a secs, n/a secs
      req write:→n/a secs, n/a secs, n/a secs
      resp wait:→0.0074 secs, 0.0040 secs, 0.0536 secs
      resp read:→0.0003 secs, 0.0002 secs, 0.0005 secs

    Status code distribution:
      [200]→9670 responses
      [503]→40 responses

    Error distribution:
      [20]→connect × refused
      [40]→check × status

    note: Requests/sec counts whole responses; hey counts requests that failed, too.
    note: Total data counts heads and bodies; hey counts bodies.
    note: the histogram comes from buckets of 0.1 %, and times are of successes;
      hey's are of every response.
    note: DNS+dialup is the connect alone, of requests that needed one; hey shows
      the whole request's fastest and slowest there. Names are looked up before the
      load.
    note: SUSPECT. The rate fell by 61 % in the second at 6 s. Look at the server's
      log at that time, or measure longer. 60 of 9 680 requests failed (0.6 %).
    ");
}

#[test]
fn as_plow() {
    assert_snapshot!(shown(SummaryStyle::Plow, &fixture::steady()), @r#"
    Summary:
      Elapsed            10s
      Count             9710
        2xx             9670
        5xx               40
      RPS            971.000
      Concurrency          8
      Reads        0.168MB/s
      Writes       0.090MB/s

    Error:
      20  "connect × refused"
      40  "check × status"

    Statistics    Min     Mean    StdDev     Max
      Latency   4.239ms  7.812ms  3.939ms  54.198ms
      RPS         400      967    199.89     1050

    Latency Percentile:
      P50        P75      P90       P95       P99    P99.9  P99.99
      6.606ms  9.043ms  12.443ms  15.081ms  22.74ms   n/a    n/a

    Latency Histogram:
      4.973ms   3600  37.23%
      6.8ms     2847  29.44%
      9.307ms   1805  18.67%
      12.676ms   940   9.72%
      17.29ms    338   3.50%
      23.627ms   105   1.09%
      32.793ms    26   0.27%
      45.867ms     9   0.09%
    note: Count and RPS are of whole responses; plow counts requests that failed,
      too.
    note: latencies are of successes, and the histogram has bins of equal width on a
      logarithmic scale; plow's are of every request, in bins that adapt.
    note: the RPS statistics are of successes in slices of a second or more.
    note: SUSPECT. The rate fell by 61 % in the second at 6 s. Look at the server's
      log at that time, or measure longer. 60 of 9 680 requests failed (0.6 %).
    "#);
}

#[test]
fn as_ab() {
    assert_snapshot!(shown(SummaryStyle::Ab, &fixture::steady()), @r"
    Server Software:        n/a
    Server Hostname:        127.0.0.1
    Server Port:            8000

    Document Path:          /?it1=60000&it2=1
    Document Length:        Variable

    Concurrency Level:      8
    Time taken for tests:   10.000 seconds
    Complete requests:      9710
    Failed requests:        20
       (Connect: 20, Receive: 0, Length: 0, Exceptions: 0)
    Non-2xx responses:      40
    Keep-Alive requests:    n/a
    Total transferred:      1759940 bytes
    HTML transferred:       309020 bytes
    Requests per second:    971.00 [#/sec] (mean)
    Time per request:       8.239 [ms] (mean)
    Time per request:       1.030 [ms] (mean, across all concurrent requests)
    Transfer rate:          171.87 [Kbytes/sec] received

    Connection Times (ms)
                  min  mean[+/-sd] median   max
    Connect:        0    0   0.0      0       0
    Processing:     4    8   3.9      7      54
    Waiting:        4    7   3.9      6      54
    Total:          4    8   3.9      7      54

    Percentage of the requests served within a certain time (ms)
      50%      7
      66%      8
      75%      9
      80%     10
      90%     12
      95%     15
      98%     19
      99%     23
     100%     54 (longest request)
    note: Connection Times are of successes, and Connect of requests that needed a
      connection; ab's are of every request, with 0 for a connection kept open.
    note: a response with an unexpected status counts as complete, as in ab; one of
      another length is no failure unless its body is checked.
    note: SUSPECT. The rate fell by 61 % in the second at 6 s. Look at the server's
      log at that time, or measure longer. 60 of 9 680 requests failed (0.6 %).
    ");
}

#[test]
fn as_k6() {
    assert_snapshot!(shown(SummaryStyle::K6, &fixture::open_loop()), @r"
      █ TOTAL RESULTS

        HTTP
        http_req_duration..................: avg=56.3ms   min=32.19ms  med=49.02ms max=198.57ms p(90)=87.49ms p(95)=104.13ms
          { expected_response:true }.......: avg=56.3ms   min=32.19ms  med=49.02ms max=198.57ms p(90)=87.49ms p(95)=104.13ms
        http_req_failed....................: 0.00%  0 out of 10000
        http_reqs..........................: 10000  1000/s

        EXECUTION
        dropped_iterations.................: 200    20/s
        iteration_duration.................: avg=956.34ms min=122.22ms med=1s      max=1.9s     p(90)=1.72s   p(95)=1.75s
        iterations.........................: 10000  1000/s
        vus................................: 64     min=64 max=64
        vus_max............................: 64     min=64 max=64

        NETWORK
        data_received......................: 1.8 MB 182 kB/s
        data_sent..........................: 970 kB 97 kB/s

    note: one request is one iteration; http_reqs counts every request that ended in
      the window, answered or failed.
    note: http_req_duration is of whole responses, first byte written to last byte
      read; iteration_duration is the response time of successes, a needed connect
      included.
    note: iteration_duration counts from when a request was due, so that waiting for
      a free connection is part of it; vus is the most connections open at once.
    note: INVALID. The schedule asked for 1200 requests/s and 1000 requests/s were
      sent: the target does not keep up. The rate is at 84 % of what this client can
      do here.
    ");
}

#[test]
fn demands_are_thresholds_of_k6() {
    let text = shown(SummaryStyle::K6, &fixture::steady());
    let top: Vec<&str> = text.lines().take(12).collect();
    assert_snapshot!(top.join("\n"), @r"
    █ THRESHOLDS

      http_req_failed
      ✗ 'errors<0.1%' 0.617 %

      iteration_duration
      ✓ 'p50<50ms' 6.61 ms
      n/a 'p99.9<1s' n/a


    █ TOTAL RESULTS
    ");
}

#[test]
fn no_load_makes_any_layout_panic_or_lie() {
    for (name, report) in fixture::all_loads() {
        for style in SummaryStyle::ALL {
            let text = summary_text(style, &report, 80);
            for nonsense in ["NaN", "inf", "-0"] {
                assert!(!text.contains(nonsense), "{name} as {style}: {text}");
            }
        }
    }
    let empty = LoadReport::default();
    for style in [SummaryStyle::Wrk, SummaryStyle::Hey, SummaryStyle::K6] {
        assert!(summary_text(style, &empty, 80).contains("n/a"), "{style}");
    }
}
