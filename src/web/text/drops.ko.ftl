# 투입 목록: 최근 것, 찾기, 바로잡기

tab-drops = 투입 목록

drops-title = 최근 투입
drops-none = 아직 투입이 없습니다
drops-unsynchronised = ≈ 시계가 맞춰지기 전의 시각
drop-void = 없던 일로 함
drops-day = 날짜
drops-any = 모든 품목
drops-find = 찾기
drops-older = 더 오래된 것
drops-newest = 가장 새 것부터
drops-found-none = 찾는 투입이 없습니다
drops-csv = 모든 투입 내려받기 (CSV)
drops-correct = 이것은 사실…
drops-truth = 점검원: { $stream }
drops-withdraw = 정정 취소
drops-picture = 판정할 때 투입실에 있던 것
frames-kept = 투입마다 작은 사진을 최대 { $days }일 동안, { $until }까지 보관합니다. 누가 보았는지는 설정의 '한 일'에 남습니다.
frames-sign = 영상 촬영·보관 안내
    목적: 물건을 더 잘 알아보도록, 넣은 물건마다 작은 사진을 하나씩 보관합니다.
    촬영 범위: 투입실 안. 사람은 찍지 않으며 소리는 녹음하지 않습니다.
    보관 기간: 최대 { $days }일, { $until }까지. 사진은 이 수거함 밖으로 나가지 않습니다.
    관리 책임자(이름, 전화): ____________________

note-corrected = 적었습니다.
note-withdrawn = 정정을 취소했습니다. 이제 이 투입에는 정정이 없습니다.
note-nothing-said = 이 투입에는 정정이 없어 취소할 것이 없습니다.
