-- Migration: 700_work_order_indexes_concurrently
-- Version: 2.1.1
-- Description: Indexes for the crew's day, finished work and the stream of pictures, built without blocking
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-04-20
-- Author: Mei Tanaka <mei.tanaka@constructtrack.example>
--
-- Dependencies: 002, 202
-- Estimated Execution Time: 20 seconds for 1,000,000 rows
-- Impact: SHARE UPDATE EXCLUSIVE on work_orders and photos: reads and writes continue

-- This migration runs statement by statement, outside of a transaction, because CREATE INDEX CONCURRENTLY has to. What
-- the other parts do in a transaction is therefore not here. A statement that fails leaves an invalid index behind,
-- which has to be dropped before it is built again. There is no IF NOT EXISTS, which would take an invalid index for a finished one.

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
-- none: CREATE INDEX CONCURRENTLY cannot be in a transaction, and nothing else may be in this file; that
-- 002 and 202 are applied is what Dependencies says, and the tool has checked it

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- none: no table changes

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: an index holds no data of its own

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- The day's list of a crew leader.
CREATE INDEX CONCURRENTLY work_orders_crew_day_idx ON public.work_orders (organisation_id, assigned_to, scheduled_for)
    WHERE status IN ('scheduled', 'in_progress');

-- What was finished lately, newest first.
CREATE INDEX CONCURRENTLY work_orders_completed_at_idx ON public.work_orders (organisation_id, completed_at DESC)
    WHERE completed_at IS NOT NULL;

-- The stream of pictures of an organisation, newest first.
CREATE INDEX CONCURRENTLY photos_taken_at_idx ON public.photos (organisation_id, taken_at DESC);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- none: the indexes are not unique

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- none: the application's queries use the indexes as they are

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- none: an index needs no grant

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
-- none: the validation is 700_work_order_indexes_concurrently.verify.sql, which runs after the last statement

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
-- none: the tool wrote the entry before the first statement, and completes it after the last one
