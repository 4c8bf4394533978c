# 개수

tab-counts = 개수

counts-title = 개수
counts-stream = 품목
counts-today = 오늘
counts-all = 전체
counts-total = 합계
counts-rejected = 일반쓰레기로 보낸 것
counts-returned = 돌려준 것
counts-note = 일반쓰레기에는 확신하지 못한 물건도 들어갑니다.
counts-period = 기간
counts-week = 7일
counts-void = 없던 일로 한 것
counts-rejects = 일반쓰레기로 보낸 까닭
counts-hours = 시간대별 투입
counts-hour = { $hour }시
counts-busiest = 가장 많은 때: { $hour }시, { $count }건
counts-nothing = 이 기간에는 투입이 없습니다
counts-csv = 개수 내려받기 (CSV)
counts-unreadable = 기록을 읽을 수 없습니다
counts-confused = 무엇을 무엇으로 보았나 (점검원이 알려 준 것)
counts-truth = 사실
counts-seen = 본 것
counts-times = 횟수
counts-right = 알려 준 { $said }건 가운데 { $right }건은 맞게 보았습니다.
